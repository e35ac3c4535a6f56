//! What Linux says about this machine and this process, from `/proc`. Elsewhere every figure is absent, never guessed.

use std::fs;
use std::ops::Sub;

use serde::Serialize;

/// The name of the generator's threads: their processor time is told apart by it.
pub(crate) const GENERATOR: &str = "generator";
/// `/proc` counts processor time in hundredths of a second on every Linux that user programs see (`USER_HZ`).
const TICKS_PER_S: f64 = 100.0;

/// The machine that the figures are of.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// As the processor names itself.
    pub model: Option<String>,
    /// Whether it has the instructions of the fast signature check.
    pub avx512ifma: Option<bool>,
}

impl Machine {
    /// This one.
    pub fn read() -> Machine {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").ok();
        let line = |name: &str| {
            let line = cpuinfo
                .as_ref()?
                .lines()
                .find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        Machine {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            model: line("model name"),
            avx512ifma: line("flags")
                .map(|flags| flags.split(' ').any(|flag| flag == "avx512ifma")),
        }
    }
}

/// Processor time used so far, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// By threads named [`GENERATOR`] that still live.
    pub generator: f64,
    /// By the whole process, them included.
    pub process: f64,
}

impl Sub for Used {
    type Output = Used;

    fn sub(self, before: Used) -> Used {
        Used {
            generator: self.generator - before.generator,
            process: self.process - before.process,
        }
    }
}

/// Processor time until now, if it can be told.
pub(crate) fn used() -> Option<Used> {
    let process = parse_stat(&fs::read_to_string("/proc/self/stat").ok()?)?.1;
    let mut generator = 0.0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        // A thread may end between the list and the look.
        let stat = task
            .ok()
            .and_then(|task| fs::read_to_string(task.path().join("stat")).ok());
        if let Some((GENERATOR, seconds)) = stat.as_deref().and_then(parse_stat) {
            generator += seconds;
        }
    }
    Some(Used { generator, process })
}

/// Name and seconds of processor time (user and system) of a `stat` file of proc(5). The name may hold anything, even `)`.
fn parse_stat(stat: &str) -> Option<(&str, f64)> {
    let name = &stat[stat.find('(')? + 1..stat.rfind(')')?];
    let mut fields = stat[stat.rfind(')')? + 1..]
        .split_ascii_whitespace()
        .skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((name, (f64::from(user) + f64::from(system)) / TICKS_PER_S))
}

/// Bytes of memory that this process holds, if it can be told.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_any_name() {
        #[track_caller]
        fn check(stat: &str, wanted: Option<(&str, f64)>) {
            assert_eq!(parse_stat(stat), wanted, "{stat}");
        }
        let times = "S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0";
        check(&format!("7 (generator) {times}"), Some(("generator", 2.0)));
        check(&format!("7 (a) b (c) {times}"), Some(("a) b (c", 2.0)));
        check("7 (generator) S 1 2 3", None);
        check("7 generator S 1 2 3 4 5 6 7 8 9 10 150 50", None);
        check("", None);
    }
}
