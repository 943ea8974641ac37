//! What a process that serves is made to be before it reads anything. It refuses to know what that is.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::capacity::processors;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Becomes the same program with as many arenas of glibc's allocator as there are processors, unless it was started with a number.
///
/// Of its own accord it makes eight times as many, for threads that come and go, and each keeps what was freed in it: under attacks
/// in turns the process then grows to several times of what it holds. The number is read once, before `main`.
pub fn restart_with_few_arenas() {
    const VARIABLE: &str = "MALLOC_ARENA_MAX";
    if env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    let arenas = processors().max(2);
    // Where that fails it serves all the same, with more memory.
    let error = again.args(arguments).env(VARIABLE, arenas.to_string()).exec();
    eprintln!("warning: more memory than need be: cannot start again with {VARIABLE}: {error}");
}

/// Has the system write no core dump of this process, and lets nobody but root look into its memory.
///
/// # Errors
///
/// Where the system does not let us, with what to do about it.
pub fn keep_memory_to_oneself() -> Result<(), String> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .map_err(|error| format!("core dumps cannot be switched off: {error}; --core-dumps serves in spite of that"))
}
