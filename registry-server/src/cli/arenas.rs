//! How many arenas glibc may have, which it reads from the environment alone, when a program starts.
//!
//! By itself it makes eight for each core, and each keeps what was freed in it: with eight who ask an event store of ten million
//! events at once that was twice as much as was in use. Setting it from within takes unsafe code (mallopt(3), `M_ARENA_MAX`),
//! so a server starts its own program once more in its place: same process, same arguments, one variable more. That takes
//! a few milliseconds. An environment that says how many there are is left as it is; other allocators read nothing of it.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

/// What glibc reads.
const ARENAS: &str = "MALLOC_ARENA_MAX";
/// Whoever works with memory at once waits for others beyond so many.
const ARENAS_MAX: &str = "4";
/// That the program was started once more. glibc takes its own variables out of the environment of a program with privileges
/// of its own, such as one that may listen below port 1024, which would go on starting itself.
const STARTED_ANEW: &str = "ANNALS_STARTED_ANEW";

/// Starts the program anew with few arenas. Comes back where there is no need for it, or no way.
pub(super) fn few() {
    let says = |name: &str| env::var_os(name).is_some();
    let tuned = env::var_os("GLIBC_TUNABLES").is_some_and(|all| is_about_arenas(&all));
    if cfg!(not(target_env = "gnu")) || says(ARENAS) || says(STARTED_ANEW) || tuned {
        return;
    }
    start_anew();
}

fn is_about_arenas(tunables: &OsStr) -> bool {
    tunables.to_string_lossy().contains("glibc.malloc.arena_max")
}

#[cfg(unix)]
fn start_anew() {
    use std::os::unix::process::CommandExt as _;

    // Its own path, so that the process keeps its name; a program that has been replaced since has none.
    let Ok(program) = env::current_exe() else {
        return;
    };
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.env(ARENAS, ARENAS_MAX).env(STARTED_ANEW, "1");
    // It comes back where it could not: then there are as many arenas as there are.
    drop(command.args(arguments).exec());
}

#[cfg(not(unix))]
fn start_anew() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunables_may_say_how_many_arenas_there_are() {
        let is_said = |text: &str| is_about_arenas(OsStr::new(text));
        assert!(is_said("glibc.malloc.check=3:glibc.malloc.arena_max=2"));
        assert!(!is_said("glibc.malloc.trim_threshold=131072"));
    }
}
