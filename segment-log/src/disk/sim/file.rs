//! An open file of the simulated disk.

use std::io;

use super::{Node, SimDisk, State, missing};
use crate::disk::{DiskFile, failed_sync};
use crate::mutex::lock;

pub(super) struct SimFile {
    pub(super) disk: SimDisk,
    pub(super) node: usize,
}

impl State {
    /// As much of the bytes as there is room for, and whether that is all.
    fn write(&mut self, node: usize, position: usize, bytes: &[u8]) -> io::Result<()> {
        self.writes += 1;
        let used = self.used();
        let len = self.file(node).live.len();
        let grows = (position + bytes.len()).saturating_sub(len);
        let lacks = (used + grows).saturating_sub(self.room);
        let written = match self.writes == self.fail_write_at {
            true => bytes.len() / 2,
            false => bytes.len().saturating_sub(lacks),
        };
        self.file(node).write(position, &bytes[..written]);
        if written < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.look(|state| {
            let Node::File(bytes) = &state.nodes[self.node] else {
                return Err(missing());
            };
            let from = bytes.live.get(position as usize..).unwrap_or_default();
            let from = from.get(..out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(from);
            Ok(())
        })
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk
            .step(|state| state.write(self.node, position as usize, bytes))
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.look(|state| match &state.nodes[self.node] {
            Node::File(bytes) => Ok(bytes.live.len() as u64),
            Node::Dir { .. } => Err(missing()),
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.step(|state| {
            state.file(self.node).set_len(len as usize);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        let (state, thawed) = &*self.disk.state;
        let mut guard = lock(state);
        guard.waiting += 1;
        thawed.notify_all();
        guard = thawed.wait_while(guard, |state| state.frozen).unwrap();
        guard.waiting -= 1;
        drop(guard);
        self.disk.sync_step(|state| {
            state.syncs += 1;
            if state.syncs == state.fail_sync_at {
                state.file(self.node).fail_sync();
                return Err(failed_sync(io::Error::other("input/output error")));
            }
            state.file(self.node).sync();
            Ok(())
        })
    }
}
