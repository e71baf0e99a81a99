//! CPU time of a process: in ticks over its life, from `/proc/PID/stat`, and exactly while its threads live, from
//! `/proc/PID/task/*/schedstat`.

use std::{fs, time::Duration};

/// Microseconds in one clock tick. `/proc` counts in ticks of USER_HZ, which is 100 a second on Linux whatever the
/// kernel's own timer does; asking for it (`sysconf`) would take unsafe code.
pub const MICROSECONDS_PER_TICK: u64 = 10_000;

/// CPU ticks that all threads of a process have used, in user code and in the kernel on its behalf.
///
/// # Errors
///
/// A sentence, when there is no such process or no `/proc`.
pub fn ticks_of(pid: &str) -> Result<u64, String> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(|error| format!("Cannot read {path}: {error}."))?;
    ticks(&stat).ok_or_else(|| format!("Cannot read {path}: it has no CPU times where Linux puts them."))
}

/// CPU time that all threads of a process have used that live, in user code and in the kernel on their behalf, to the
/// nanosecond. What a thread is using right now is not yet in it.
///
/// # Errors
///
/// A sentence, when there is no such process or no `/proc`.
pub fn time_of(pid: u32) -> Result<Duration, String> {
    let threads = format!("/proc/{pid}/task");
    let unreadable = |error: std::io::Error| format!("Cannot read {threads}: {error}.");
    let mut nanoseconds = 0;
    for thread in fs::read_dir(&threads).map_err(unreadable)? {
        // A thread may have ended since it was listed.
        if let Ok(schedstat) = fs::read_to_string(thread.map_err(unreadable)?.path().join("schedstat")) {
            nanoseconds += schedstat
                .split_ascii_whitespace()
                .next()
                .and_then(|first| first.parse().ok())
                .unwrap_or(0);
        }
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// `utime + stime`, fields 14 and 15 of the line. They already cover every thread, living or gone.
fn ticks(stat: &str) -> Option<u64> {
    // Field 2 is the program's name in parentheses, which may itself hold spaces and parentheses.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut from_utime = after_name.split_ascii_whitespace().skip(11);
    let utime: u64 = from_utime.next()?.parse().ok()?;
    let stime: u64 = from_utime.next()?.parse().ok()?;
    Some(utime + stime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_kernel_time_are_added() {
        let stat = "4242 (keystead) S 1 4242 4242 0 -1 4194560 900 0 0 0 731 269 0 0 20 0 5 0 1234 1000000 500";
        assert_eq!(ticks(stat), Some(1000));
    }

    #[test]
    fn a_program_may_have_any_name() {
        let stat = "4242 (a) 9 (b c) S 1 4242 4242 0 -1 4194560 900 0 0 0 7 2 0 0 20 0 5 0 1234 1000000 500";
        assert_eq!(ticks(stat), Some(9));
    }

    #[test]
    fn a_line_cut_short_has_no_times() {
        assert_eq!(ticks("4242 (keystead) S 1 4242"), None);
        assert_eq!(ticks(""), None);
    }
}
