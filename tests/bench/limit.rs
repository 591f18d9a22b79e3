//! The limit: what a broker on this machine cannot beat. It takes bytes from a socket, appends them to files, syncs in
//! groups and answers; it looks at nothing, checks nothing, and nobody can read what it keeps.
//!
//! ```text
//! limit DIR FILES (fsync | os)    prints its port, serves one connection, ends with it
//!
//! request   u32 length, then (u32 file, u32 length, bytes)*     little-endian
//! answer    one byte a request, when all its bytes are written and, with fsync, synced
//! ```

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// What was written and not yet synced.
#[derive(Default)]
struct Waiting {
    files: Vec<usize>,
    answers: usize,
    is_over: bool,
}

type Shared = Arc<(Mutex<Waiting>, Condvar)>;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, dir, files, durability] = &args[..] else {
        return Err(io::Error::other("usage: limit DIR FILES (fsync | os)"));
    };
    std::fs::create_dir_all(dir)?;
    let count: usize = files.parse().map_err(io::Error::other)?;
    let open = |file: usize| File::create(format!("{dir}/{file}.log"));
    let files: Arc<[File]> = (0..count).map(open).collect::<io::Result<_>>()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let answers = stream.try_clone()?;
    let shared = Shared::default();
    let syncing = (durability == "fsync").then(|| {
        let (files, shared) = (Arc::clone(&files), Arc::clone(&shared));
        std::thread::spawn(move || sync(&files, &shared, answers))
    });
    let received = receive(stream, &files, &shared, syncing.is_none());
    shared.0.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
    shared.1.notify_one();
    let synced = syncing.map(|thread| thread.join().unwrap_or(Ok(())));
    received.and(synced.unwrap_or(Ok(())))
}

/// Appends what comes until the client is gone.
fn receive(mut stream: TcpStream, files: &[File], shared: &Shared, answers: bool) -> io::Result<()> {
    let mut request = Vec::new();
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        request.resize(u32::from_le_bytes(length) as usize, 0);
        stream.read_exact(&mut request)?;
        let mut written = Vec::new();
        let mut rest = &request[..];
        while let Some((head, behind)) = rest.split_first_chunk::<8>() {
            let [a, b, c, d, e, f, g, h] = *head;
            let file = u32::from_le_bytes([a, b, c, d]) as usize;
            let (bytes, behind) = behind.split_at(u32::from_le_bytes([e, f, g, h]) as usize);
            (&files[file]).write_all(bytes)?;
            written.push(file);
            rest = behind;
        }
        if answers {
            stream.write_all(&[0])?;
            continue;
        }
        let mut waiting = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.files.extend(written);
        waiting.answers += 1;
        shared.1.notify_one();
    }
    Ok(())
}

/// Syncs what was written since the last time, each file on a thread, and answers.
fn sync(files: &[File], shared: &Shared, mut answers: TcpStream) -> io::Result<()> {
    loop {
        let guard = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |waiting: &mut Waiting| waiting.answers == 0 && !waiting.is_over;
        let mut guard = shared
            .1
            .wait_while(guard, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let mut waiting = std::mem::take(&mut *guard);
        guard.is_over = waiting.is_over;
        drop(guard);
        if waiting.answers == 0 {
            return Ok(());
        }
        waiting.files.sort_unstable();
        waiting.files.dedup();
        std::thread::scope(|scope| {
            let syncs: Vec<_> = waiting
                .files
                .iter()
                .map(|file| scope.spawn(|| files[*file].sync_data()))
                .collect();
            syncs
                .into_iter()
                .try_for_each(|sync| sync.join().unwrap_or(Ok(())))
        })?;
        answers.write_all(&vec![0; waiting.answers])?;
    }
}
