//! What the process takes of the machine, by the names that exporters of any program use
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>), and the room on its disk.

use std::fs;
use std::path::Path;

use metrics::gauge;
use rustix::fs::statvfs;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Measures once. What the system does not tell is left out.
// Figures for a graph: what a float cannot tell apart, nobody sees.
#[allow(clippy::cast_precision_loss)]
pub fn measure(data: &Path) {
    let set = |name: &'static str, value: Option<f64>| {
        if let Some(value) = value {
            gauge!(name).set(value);
        }
    };
    set("process_resident_memory_bytes", resident_memory());
    set("process_open_fds", open_files());
    let most = getrlimit(Resource::Nofile).current;
    set("process_max_fds", most.map(|most| most as f64));
    let used = clock_gettime(ClockId::ProcessCPUTime);
    // A gauge, as counters here are whole numbers; it never falls.
    let seconds = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
    set("process_cpu_seconds_total", Some(seconds));
    set("process_start_time_seconds", start_time());
    if let Ok(disk) = statvfs(data) {
        // What is kept for the administrator is not free to us.
        let bytes = |blocks: u64| Some(blocks as f64 * disk.f_frsize as f64);
        set("stentor_disk_free_bytes", bytes(disk.f_bavail));
        set("stentor_disk_size_bytes", bytes(disk.f_blocks));
    }
}

/// The second number of `statm` counts pages (proc_pid_statm(5)).
#[allow(clippy::cast_precision_loss)]
fn resident_memory() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages as f64 * page_size() as f64)
}

/// Open file descriptors, without the one by which they are counted.
#[allow(clippy::cast_precision_loss)]
fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(count.saturating_sub(1) as f64)
}

/// When the process started, in seconds since 1970.
#[allow(clippy::cast_precision_loss)]
fn start_time() -> Option<f64> {
    let ticks = started(&fs::read_to_string("/proc/self/stat").ok()?)?;
    let boot = booted(&fs::read_to_string("/proc/stat").ok()?)?;
    Some(boot as f64 + ticks as f64 / clock_ticks_per_second() as f64)
}

/// The 22nd field of `stat`: ticks from the boot to the start (proc_pid_stat(5)). The second, the program's name, may hold spaces
/// and parentheses.
fn started(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// When the machine was booted, in seconds since 1970 (proc_stat(5)).
fn booted(stat: &str) -> Option<u64> {
    let mut lines = stat.lines();
    let line = lines.find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn p3_a_program_may_have_any_name() {
        let fields: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        let stat = format!("7 (a) b (c) {}\n", fields.join(" "));
        assert_eq!(started(&stat), Some(22));
        assert_eq!(started("7 (a) S 1"), None);
        assert_eq!(
            booted("cpu 1 2\nbtime 1700000000\nprocesses 3\n"),
            Some(1_700_000_000)
        );
        assert_eq!(booted("cpu 1 2\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn p3_this_process_has_begun_a_moment_ago_and_takes_something() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let age = now.as_secs_f64() - start_time().unwrap();
        assert!((-2.0..86_400.0).contains(&age), "{age}");
        assert!(resident_memory().unwrap() > 65_536.0);
        let before = open_files().unwrap();
        let files: Vec<_> = (0..3)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        assert!(open_files().unwrap() >= before.max(3.0));
        drop(files);
    }
}
