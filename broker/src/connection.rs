//! One connection, one task: reads requests, has them handled in the order that [`Order`] lays down, and answers.
//!
//! Reading and answering run side by side within the task. Who has the connection to itself (everything but appends)
//! is handled by the reading side; what an append still waits for (its sync) waits in a queue of bounded length. So a
//! produce that waits for its sync does not keep the next one from being appended, and answers never overtake each
//! other. When the client goes, answering ends, and reading goes on to the end of what was sent.
//!
//! Held to limits: a frame's size, the time and the pace of a frame and of an answer, the bytes of all requests and of
//! all answers in flight, the length of the queue, idleness. Room is taken as bytes arrive, so announcing a long
//! frame costs nobody anything.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use annals_kafka_wire::error::WireError;
use bytes::{BufMut, Bytes};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use crate::broker::Shared;
use crate::budget::Room;
use crate::pace::{HalfRead, Pace};
use crate::table::{self, Context, Order, Refused, Reply, Waiting};

/// Small requests are read with one system call; a bigger buffer would cost every idle connection.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Why a connection ended. Those that answer what is in flight first are no errors of [`serve`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("the client closed the connection")]
    Closed,
    #[error("nothing was sent for {0:?}")]
    Idle(Duration),
    #[error("a request came too slowly: {got} of {size} bytes when it was given up")]
    SlowRequest { got: usize, size: usize },
    #[error("there was no room for the rest of a request of {size} bytes")]
    NoRoom { size: usize },
    #[error("an answer was taken too slowly: {got} of {size} bytes when it was given up")]
    SlowReader { got: usize, size: usize },
    #[error("a frame of {size} bytes is not accepted, only 8 to {max} are")]
    FrameSize { size: i32, max: usize },
    #[error("a request was refused: {0}")]
    Refused(#[from] Refused),
    #[error("an answer could not be written: {0}")]
    Answer(#[from] WireError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A request as it came, without its length, and the room it takes.
struct Frame {
    bytes: Bytes,
    room: Room,
}

/// A request that was handled: its answer, the room the request takes until that is written, and its turn, which ends
/// then.
struct Handled {
    answer: Answering,
    request_room: Room,
    turn: Turn,
}

/// An answer on its way.
enum Answering {
    Now(Bytes, Room),
    Later(Waiting<Result<(Bytes, Room), WireError>>),
}

/// Part of a connection's turns, or all of them: see [`read_requests`].
type Turn = Option<OwnedSemaphorePermit>;

/// Serves a connection until it ends or the broker stops.
pub(crate) async fn serve(stream: TcpStream, context: Context) -> Result<(), End> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let (queue, answers) = mpsc::channel(context.shared.config.pipeline_max.max(1));
    let reading = read_requests(BufReader::with_capacity(READ_BUFFER_BYTES, read), queue, &context);
    let writing = async {
        match write_answers(write, answers, &context.shared).await {
            // The client is gone, not what it sent before: reading ends when that is at its end.
            Err(End::Io(error)) => Ok(Some(End::Io(error))),
            ended => ended.map(|()| None),
        }
    };
    // When reading ends well its side of the queue closes, and writing ends once all is answered.
    let (read, written) = tokio::try_join!(reading, writing)?;
    read.or(written).map_or(Ok(()), Err)
}

/// Handles requests until the client is gone (`Err`: nobody reads answers any more) or must go (`Ok`: what was
/// handled before is still answered).
///
/// The order between requests is kept with turns: an append takes one of as many as may be under way, everything else
/// takes all of them, and each keeps its turn until its answer is written.
async fn read_requests(
    mut stream: BufReader<OwnedReadHalf>,
    queue: mpsc::Sender<Handled>,
    context: &Context,
) -> Result<Option<End>, End> {
    let config = &context.shared.config;
    let turns_max = u32::try_from(config.pipeline_max.max(1)).unwrap_or(u32::MAX);
    let turns = Arc::new(Semaphore::new(turns_max as usize));
    let mut patience = config.first_request_timeout;
    loop {
        let frame = match read_frame(&mut stream, context, patience).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(end @ (End::Io(_) | End::Closed)) => return Err(end),
            Err(end) => return Ok(Some(end)),
        };
        patience = config.idle_timeout;
        let order = table::order(&frame.bytes);
        let share = if order == Order::Append { 1 } else { turns_max };
        // The turns are never closed, so there is always one to wait for.
        let turn = Arc::clone(&turns).acquire_many_owned(share).await.ok();
        let handled = match order {
            Order::Append => append(context, frame, turn).await,
            Order::Alone => {
                context.appended.durable(&context.shared.log).await;
                alone(context, frame, turn, &mut stream, &queue).await
            }
        };
        match handled {
            // A client that is gone misses its answer.
            Ok(Some(handled)) => drop(queue.send(handled).await),
            Ok(None) => {}
            Err(end @ End::Closed) => return Err(end),
            Err(end) => return Ok(Some(end)),
        }
    }
}

/// Has an append written; its answer may be waited for elsewhere. `None` when there is none.
async fn append(context: &Context, frame: Frame, turn: Turn) -> Result<Option<Handled>, End> {
    let Frame { bytes, mut room } = frame;
    let answer = match table::dispatch(context, bytes)? {
        Reply::Silent => return Ok(None),
        Reply::Now(make) => {
            let frame = make()?;
            let answer_room = answer_room(&context.shared, &frame, None, &room).await;
            Answering::Now(frame, answer_room)
        }
        Reply::Later {
            frame, held_bytes, ..
        } => {
            context.shared.request_bytes.grow(&mut room, held_bytes).await;
            Answering::Later(frame)
        }
    };
    Ok(Some(Handled {
        answer,
        request_room: room,
        turn,
    }))
}

/// A request that has the connection to itself and has been read; a change is under way.
struct Begun {
    reply: Reply,
    room: Room,
    /// What is read from a frame, and the answer made at once, weigh more than the frame: only so many requests may
    /// be on their way from the one account to the other.
    desk: Turn,
}

/// Handles a request that has the connection to itself. A change is carried out whatever its client does; a question
/// is given up when there is nobody to answer.
async fn alone(
    context: &Context,
    frame: Frame,
    turn: Turn,
    stream: &mut BufReader<OwnedReadHalf>,
    queue: &mpsc::Sender<Handled>,
) -> Result<Option<Handled>, End> {
    let desk = Arc::clone(&context.shared.desks).acquire_owned().await.ok();
    let begun = Begun {
        reply: table::dispatch(context, frame.bytes)?,
        room: frame.room,
        desk,
    };
    if begun.reply.is_change() {
        return answer(context, begun, turn).await;
    }
    if queue.is_closed() {
        return Ok(None);
    }
    tokio::select! {
        // First, so that nothing more is done for a client that is gone.
        biased;
        () = departure(stream) => Err(End::Closed),
        handled = answer(context, begun, turn) => handled,
    }
}

/// Waits for the answer of what has begun, and for the room it takes.
async fn answer(context: &Context, begun: Begun, turn: Turn) -> Result<Option<Handled>, End> {
    let shared = &context.shared;
    let Begun {
        reply,
        mut room,
        desk,
    } = begun;
    let (frame, frame_room) = match reply {
        Reply::Silent => return Ok(None),
        Reply::Now(make) => (make()?, None),
        Reply::Later {
            frame, held_bytes, ..
        } => {
            shared.request_bytes.shrink(&mut room, held_bytes);
            if held_bytes == 0 {
                room = None;
            }
            shared.request_bytes.grow(&mut room, held_bytes).await;
            drop(desk);
            frame.await?
        }
    };
    let frame_room = answer_room(shared, &frame, frame_room, &room).await;
    Ok(Some(Handled {
        answer: Answering::Now(frame, frame_room),
        request_room: room,
        turn,
    }))
}

/// Room for an answer. One that takes no more than its request has all it needs.
async fn answer_room(shared: &Shared, frame: &Bytes, room: Room, request_room: &Room) -> Room {
    if room.is_some() || shared.request_bytes.covers(request_room, frame.len()) {
        return room;
    }
    shared.answer_bytes.take(frame.len()).await
}

/// Done when the client is gone. What it sent before is kept; then its going shows later, when that is handled.
async fn departure(stream: &mut BufReader<OwnedReadHalf>) {
    if stream.fill_buf().await.is_ok_and(|sent| !sent.is_empty()) {
        std::future::pending().await
    }
}

/// The next frame, without its length; `None` when the broker stops.
async fn read_frame(
    stream: &mut BufReader<OwnedReadHalf>,
    context: &Context,
    patience: Duration,
) -> Result<Option<Frame>, End> {
    let config = &context.shared.config;
    let mut stop = context.stop.clone();
    let mut head = [0; 4];
    tokio::select! {
        read = timeout(patience, stream.read(&mut head[..1])) => {
            if read.map_err(|_| End::Idle(patience))?? == 0 {
                return Err(End::Closed);
            }
        }
        _ = stop.wait_for(|stop| *stop) => return Ok(None),
    }
    let pace = Pace::new(config.request_read_timeout, config.pace_window);
    let slow = |_| End::SlowRequest { got: 1, size: 4 };
    timeout_at(pace.deadline(), stream.read_exact(&mut head[1..]))
        .await
        .map_err(slow)??;
    let max = config.frame_bytes_max.min(config.requests_in_flight_bytes_max);
    let announced = i32::from_be_bytes(head);
    // Eight bytes are the shortest header there is: key, version and correlation id.
    let size = usize::try_from(announced)
        .ok()
        .filter(|size| (8..=max).contains(size));
    let size = size.ok_or(End::FrameSize { size: announced, max })?;
    read_body(stream, &context.shared, size, pace).await.map(Some)
}

/// Reads `size` bytes, taking room for twice as many whenever there is no more.
async fn read_body(
    stream: &mut BufReader<OwnedReadHalf>,
    shared: &Shared,
    size: usize,
    mut pace: Pace,
) -> Result<Frame, End> {
    let (mut bytes, mut room) = (Vec::new(), None);
    let mut half_read = shared.half_read.enter();
    while bytes.len() < size {
        let got = bytes.len();
        if got == bytes.capacity() {
            let capacity = size.min((2 * got).max(READ_BUFFER_BYTES));
            grow(shared, &mut room, capacity, &half_read, &pace)
                .await
                .ok_or(End::NoRoom { size })?;
            half_read.grow(capacity);
            pace.excuse(got);
            bytes.reserve_exact(capacity - got);
        }
        let mut vacant = (&mut bytes).limit(size - got);
        tokio::select! {
            read = stream.read_buf(&mut vacant) => if read? == 0 {
                return Err(End::Closed);
            },
            () = pace.lost(got, || shared.request_bytes.is_wanted()) => {
                return Err(End::SlowRequest { got, size });
            }
        }
    }
    let bytes = bytes.into();
    Ok(Frame { bytes, room })
}

/// Waits for more room for a frame that is half read. `None` when there will be none: the time is over, or most of
/// the room is held by frames that are half read and might wait for each other for ever. Then those that hold more
/// than others make way.
async fn grow(
    shared: &Shared,
    room: &mut Room,
    bytes: usize,
    half_read: &HalfRead<'_>,
    pace: &Pace,
) -> Option<()> {
    let growing = shared.request_bytes.grow(room, bytes);
    tokio::pin!(growing);
    loop {
        tokio::select! {
            () = &mut growing => return Some(()),
            () = tokio::time::sleep(shared.config.pace_window) => {
                let most = shared.config.requests_in_flight_bytes_max / 2;
                if half_read.is_to_make_way(most) || Instant::now() >= pace.deadline() {
                    return None;
                }
            }
        }
    }
}

/// Writes answers in order until the queue is closed and empty.
async fn write_answers(
    mut stream: OwnedWriteHalf,
    mut answers: mpsc::Receiver<Handled>,
    shared: &Shared,
) -> Result<(), End> {
    while let Some(handled) = answers.recv().await {
        let Handled {
            answer,
            request_room,
            turn: _until_written,
        } = handled;
        let (frame, _room) = match answer {
            Answering::Now(frame, room) => (frame, room),
            Answering::Later(waiting) => {
                let (frame, room) = waiting.await?;
                let room = answer_room(shared, &frame, room, &request_room).await;
                (frame, room)
            }
        };
        write_frame(&mut stream, &frame, shared).await?;
    }
    Ok(())
}

async fn write_frame(stream: &mut OwnedWriteHalf, frame: &[u8], shared: &Shared) -> Result<(), End> {
    let config = &shared.config;
    let mut pace = Pace::new(config.answer_write_timeout, config.pace_window);
    let is_wanted = || shared.answer_bytes.is_wanted() || shared.request_bytes.is_wanted();
    let mut got = 0;
    while got < frame.len() {
        tokio::select! {
            written = stream.write(&frame[got..]) => got += written?,
            () = pace.lost(got, is_wanted) => {
                let size = frame.len();
                return Err(End::SlowReader { got, size });
            }
        }
    }
    Ok(())
}
