//! Frames as they come in: the patience there is with them, and the room they take as their bytes arrive.

use std::time::Duration;

use bytes::{BufMut, Bytes};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::{Instant, timeout, timeout_at};

use super::End;
use crate::broker::Shared;
use crate::budget::Room;
use crate::pace::{HalfRead, Pace};
use crate::table::Context;

/// Small requests are read with one system call; a bigger buffer would cost every idle connection.
pub(super) const READ_BUFFER_BYTES: usize = 4 * 1024;

/// A request as it came, without its length, and the room it takes.
pub(super) struct Frame {
    pub(super) bytes: Bytes,
    pub(super) room: Room,
    /// When its last byte was there.
    pub(super) at: Instant,
}

/// The next frame, without its length; `None` when the broker stops. The first must be whole by a time of its own.
pub(super) async fn read_frame(
    stream: &mut BufReader<OwnedReadHalf>,
    context: &Context,
    first_by: Option<Instant>,
) -> Result<Option<Frame>, End> {
    let config = &context.shared.config;
    let left = |by: Instant| by.saturating_duration_since(Instant::now());
    let patience = first_by.map_or(config.idle_timeout, left);
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
    let patience = first_by
        .map_or(Duration::MAX, left)
        .min(config.request_read_timeout);
    let pace = Pace::new(patience, config.pace_window);
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
    Ok(Frame {
        bytes: bytes.into(),
        room,
        at: Instant::now(),
    })
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
