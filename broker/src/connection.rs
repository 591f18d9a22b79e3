//! One connection, one task: requests are handled in the order they come, and answered in that order.
//!
//! Reading and answering run side by side within the task. A request is *handled* (appended, say) as soon as it is
//! read; what remains to wait for (a sync, new records) waits in a queue of bounded length. So a produce that waits
//! for its sync does not keep the next one from being appended, and answers never overtake each other.
//!
//! Held to limits: a frame's size, the time a frame may take, the bytes of all requests in flight, the length of the
//! queue, idleness, and the time a client may take to accept an answer.

use std::io;
use std::time::Duration;

use annals_kafka_wire::error::WireError;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::budget::Room;
use crate::table::{self, Context, Refused, Reply};

/// Small requests are read with one system call; a bigger buffer would cost every idle connection.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Why a connection ended. Those that answer what is in flight first are no errors of [`serve`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("the client closed the connection")]
    Closed,
    #[error("nothing was sent for {0:?}")]
    Idle(Duration),
    #[error("a request was not whole after {0:?}")]
    SlowRequest(Duration),
    #[error("an answer was not taken within {0:?}")]
    SlowReader(Duration),
    #[error("a frame of {size} bytes is not accepted, only 8 to {max} are")]
    FrameSize { size: i32, max: usize },
    #[error("a request was refused: {0}")]
    Refused(#[from] Refused),
    #[error("an answer could not be written: {0}")]
    Answer(#[from] WireError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A request that was handled, and the room its bytes take until it is answered.
type Handled = (Reply, Room);

/// Serves a connection until it ends or the broker stops.
pub(crate) async fn serve(stream: TcpStream, context: Context) -> Result<(), End> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let (queue, answers) = mpsc::channel(context.shared.config.pipeline_max.max(1));
    let reading = read_requests(BufReader::with_capacity(READ_BUFFER_BYTES, read), queue, &context);
    let writing = write_answers(write, answers, &context);
    // When reading ends well its side of the queue closes, and writing ends once all is answered.
    let (end, ()) = tokio::try_join!(reading, writing)?;
    end.map_or(Ok(()), Err)
}

/// Handles requests until the client is gone (`Err`: nobody reads answers any more) or must go (`Ok`: what was
/// handled before is still answered).
async fn read_requests(
    mut stream: BufReader<OwnedReadHalf>,
    queue: mpsc::Sender<Handled>,
    context: &Context,
) -> Result<Option<End>, End> {
    let config = &context.shared.config;
    let mut patience = config.first_request_timeout;
    loop {
        let (request, room) = match read_frame(&mut stream, context, patience).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(None),
            Err(End::Io(error)) => return Err(End::Io(error)),
            Err(End::Closed) => return Err(End::Closed),
            Err(end) => return Ok(Some(end)),
        };
        patience = config.idle_timeout;
        match table::dispatch(context, request) {
            Ok(Reply::Silent) => {}
            Ok(reply) => {
                if queue.send((reply, room)).await.is_err() {
                    return Err(End::Closed);
                }
            }
            Err(refused) => return Ok(Some(refused.into())),
        }
    }
}

/// The next frame, without its length; `None` when the broker stops.
async fn read_frame(
    stream: &mut BufReader<OwnedReadHalf>,
    context: &Context,
    patience: Duration,
) -> Result<Option<(Bytes, Room)>, End> {
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
    let slow = |_| End::SlowRequest(config.request_read_timeout);
    timeout(config.request_read_timeout, stream.read_exact(&mut head[1..]))
        .await
        .map_err(slow)??;
    let max = config.frame_bytes_max.min(config.requests_in_flight_bytes_max);
    let announced = i32::from_be_bytes(head);
    // Eight bytes are the shortest header there is: key, version and correlation id.
    let size = usize::try_from(announced)
        .ok()
        .filter(|size| (8..=max).contains(size));
    let size = size.ok_or(End::FrameSize { size: announced, max })?;
    let room = context.shared.request_bytes.take(size).await;
    let mut frame = BytesMut::with_capacity(size);
    let mut rest = stream.take(size as u64);
    let body = async {
        while frame.len() < size {
            if rest.read_buf(&mut frame).await? == 0 {
                return Err(End::Closed);
            }
        }
        Ok(())
    };
    timeout(config.request_read_timeout, body).await.map_err(slow)??;
    Ok(Some((frame.freeze(), room)))
}

/// Writes answers in order until the queue is closed and empty.
async fn write_answers(
    mut stream: OwnedWriteHalf,
    mut answers: mpsc::Receiver<Handled>,
    context: &Context,
) -> Result<(), End> {
    let patience = context.shared.config.answer_write_timeout;
    while let Some((reply, _request_room)) = answers.recv().await {
        let (frame, _answer_room) = match reply {
            Reply::Now(frame) => (frame, None),
            Reply::Later(waiting) => waiting.await?,
            Reply::Silent => continue,
        };
        timeout(patience, stream.write_all(&frame))
            .await
            .map_err(|_| End::SlowReader(patience))??;
    }
    Ok(())
}
