//! One connection, one task: reads requests, has them handled in the order that [`Order`] lays down, and answers.
//!
//! Reading and answering run side by side within the task. Who has the connection to itself (everything but appends)
//! is handled by the reading side; what an append still waits for (its sync) waits in a queue of bounded length. So a
//! produce that waits for its sync does not keep the next one from being appended, and answers never overtake each
//! other. When the client goes, answering ends, and reading goes on to the end of what was sent.
//!
//! Held to limits: a frame's size, the time and the pace of a frame and of an answer, the bytes of all requests and of
//! all answers in flight, the length of the queue, idleness. Room is taken as bytes arrive, so announcing a long
//! frame costs nobody anything; whoever waits for room of one kind waits for none that is taken after it
//! (see [`crate::budget`]).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use annals_kafka_wire::error::WireError;
use annals_kafka_wire::primitives::Pieces;
use bytes::Buf;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::broker::Shared;
use crate::budget::{Held, Room, held_bytes};
use crate::pace::Pace;
use crate::table::{self, Context, Order, Refused, Reply};

mod incoming;
#[cfg(test)]
mod tests;

use incoming::{Frame, READ_BUFFER_BYTES, read_frame};

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

/// When a request was there, and of which row of the table it is.
#[derive(Clone, Copy)]
struct Begun {
    row: usize,
    at: Instant,
}

impl Begun {
    /// It was answered.
    fn answered(self, shared: &Shared) {
        shared.counts.answered(self.row, self.at.elapsed());
    }
}

/// A request that was handled: its answer, what the request holds until that is written, and its turn, which ends then.
struct Handled {
    begun: Begun,
    answer: Answering,
    held: Arc<Held>,
    turn: Turn,
}

/// An answer on its way.
enum Answering {
    Now(Pieces, Room),
    Later(table::Frame),
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
    let mut first_by = Some(Instant::now() + config.first_request_timeout);
    loop {
        let frame = match read_frame(&mut stream, context, first_by.take()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(end @ (End::Io(_) | End::Closed)) => return Err(end),
            Err(end) => return Ok(Some(end)),
        };
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

/// Reads a request, and sees that what it takes beyond its frame has room. Nothing is kept that waits for room: then
/// it is read again. `keeps_frame`: what was read are parts of the frame.
async fn admit(shared: &Shared, frame: Frame, keeps_frame: bool) -> Result<(table::Request, Arc<Held>), End> {
    let Frame { bytes, room, .. } = frame;
    let mut held = Held {
        frame: room,
        surplus: None,
    };
    let mut request = table::read(bytes.clone())?;
    let bytes_held = request.held_bytes;
    if !keeps_frame {
        // Never to nothing: a small answer finds its room in that of its request.
        shared.request_bytes.shrink(&mut held.frame, bytes_held.max(1));
    }
    let surplus = bytes_held.saturating_sub(held_bytes(&held.frame));
    if surplus > 0 {
        held.surplus = match shared.surplus_bytes.try_take(surplus) {
            Some(room) => room,
            None => {
                drop(request);
                let room = shared.surplus_bytes.take(surplus).await;
                request = table::read(bytes)?;
                room
            }
        };
    }
    Ok((request, Arc::new(held)))
}

/// Has an append written; its answer may be waited for elsewhere. `None` when there is none.
async fn append(context: &Context, frame: Frame, turn: Turn) -> Result<Option<Handled>, End> {
    let shared = &context.shared;
    let at = frame.at;
    let (request, held) = admit(shared, frame, true).await?;
    let begun = Begun { row: request.row, at };
    let mut reply = request.handle(context, &held)?;
    if let Reply::After(waiting) = reply {
        reply = waiting.await?;
    }
    if let Reply::Heavy(work) = reply {
        // Never closed.
        let _turn = shared.openings.acquire().await;
        reply = work()?;
    }
    let answer = match reply {
        Reply::Silent | Reply::Heavy(_) | Reply::After(_) => {
            begun.answered(shared);
            return Ok(None);
        }
        Reply::Now(make) => {
            let (frame, room) = make_answer(shared, make, &held).await?;
            Answering::Now(frame, room)
        }
        Reply::Later(frame) | Reply::Change(frame) | Reply::Poll(frame) => Answering::Later(frame),
    };
    Ok(Some(Handled {
        begun,
        answer,
        held,
        turn,
    }))
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
    let at = frame.at;
    let (request, held) = admit(&context.shared, frame, false).await?;
    let begun = Begun { row: request.row, at };
    let reply = request.handle(context, &held)?;
    if matches!(reply, Reply::Change(_)) {
        return answer(&context.shared, reply, begun, held, turn).await;
    }
    if queue.is_closed() {
        return Ok(None);
    }
    tokio::select! {
        // First, so that nothing more is done for a client that is gone.
        biased;
        () = departure(stream) => Err(End::Closed),
        handled = answer(&context.shared, reply, begun, held, turn) => handled,
    }
}

/// Waits for the answer of what has begun, and for the room it takes.
async fn answer(
    shared: &Shared,
    reply: Reply,
    begun: Begun,
    mut held: Arc<Held>,
    turn: Turn,
) -> Result<Option<Handled>, End> {
    let (frame, room) = match reply {
        Reply::Silent | Reply::Heavy(_) | Reply::After(_) => return Ok(None),
        Reply::Now(make) => make_answer(shared, make, &held).await?,
        Reply::Poll(frame) => {
            held = Arc::default();
            frame.await?
        }
        Reply::Later(frame) | Reply::Change(frame) => {
            let (frame, room) = frame.await?;
            let is_covered = room.is_some() || held.covers(frame.remaining());
            let room = match is_covered {
                true => room,
                false => shared.answer_bytes.take(frame.remaining()).await,
            };
            (frame, room)
        }
    };
    Ok(Some(Handled {
        begun,
        answer: Answering::Now(frame, room),
        held,
        turn,
    }))
}

/// Makes an answer that has room; one that takes no more than its request has all it needs. While there is none the
/// answer is not kept but made again, so that whoever waits costs nothing and keeps nobody from being answered.
async fn make_answer(
    shared: &Shared,
    make: Box<dyn Fn() -> Result<Pieces, WireError> + Send>,
    held: &Held,
) -> Result<(Pieces, Room), WireError> {
    let budget = &shared.answer_bytes;
    let mut room = None;
    loop {
        let frame = make()?;
        let bytes = frame.remaining();
        if held.covers(bytes) {
            return Ok((frame, None));
        }
        if budget.covers(&room, bytes) {
            budget.shrink(&mut room, bytes);
            return Ok((frame, room));
        }
        // All of it anew: see the budget.
        drop(room);
        if let Some(room) = budget.try_take(bytes) {
            return Ok((frame, room));
        }
        drop(frame);
        room = budget.take(bytes).await;
    }
}

/// Done when the client is gone. What it sent before is kept; then its going shows later, when that is handled.
async fn departure(stream: &mut BufReader<OwnedReadHalf>) {
    if stream.fill_buf().await.is_ok_and(|sent| !sent.is_empty()) {
        std::future::pending().await
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
            begun,
            answer,
            held,
            turn: _until_written,
        } = handled;
        let (frame, _room) = match answer {
            Answering::Now(frame, room) => (frame, room),
            Answering::Later(waiting) => {
                let (frame, room) = waiting.await?;
                if room.is_some() || held.covers(frame.remaining()) {
                    (frame, room)
                } else {
                    // Of many refused records. Answers behind this one may hold the room there is, so it cannot wait.
                    let room = shared.answer_bytes.try_take(frame.remaining()).flatten();
                    (frame, room)
                }
            }
        };
        begun.answered(shared);
        write_frame(&mut stream, frame, shared).await?;
    }
    Ok(())
}

/// Writes an answer, and lets go of each piece of it that was taken.
async fn write_frame(stream: &mut OwnedWriteHalf, mut frame: Pieces, shared: &Shared) -> Result<(), End> {
    let config = &shared.config;
    let mut pace = Pace::new(config.answer_write_timeout, config.pace_window);
    let budgets = [&shared.answer_bytes, &shared.request_bytes, &shared.surplus_bytes];
    let is_wanted = || budgets.iter().any(|budget| budget.is_wanted());
    let size = frame.remaining();
    while frame.has_remaining() {
        let got = size - frame.remaining();
        tokio::select! {
            written = stream.write_buf(&mut frame) => {
                written?;
            }
            () = pace.lost(got, is_wanted) => return Err(End::SlowReader { got, size }),
        }
    }
    Ok(())
}
