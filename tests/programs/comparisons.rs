//! The programs that compare the pool with alternatives: they show everything that they promise, in the right units.
//!
//! The figures themselves are not checked: they come from a debug build on a busy machine.

use std::io::Write;

use crate::{lines, run};

/// A file of expressions, one of which fails.
fn expressions() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for number in 0..2000 {
        writeln!(file, "{number}*3+1").expect("written");
    }
    writeln!(file, "1/0").expect("written");
    file
}

/// The sides that a comparison shows: names and units under each title.
fn sides(arguments: &[&str]) -> Vec<(String, Vec<(String, String)>)> {
    let printed = lines("compare", &[&["--rounds", "1"], arguments].concat());
    let groups = printed.split(String::is_empty).filter(|group| !group.is_empty());
    groups
        .map(|group| {
            let (title, rest) = group[0].split_once(" (").expect("a title");
            assert_eq!(rest, "1 rounds in turn: median, least to most)");
            (
                title.to_owned(),
                group[1..].iter().enumerate().map(side).collect(),
            )
        })
        .collect()
}

/// The name and unit of a side, after checking its figures, which come from a single round.
fn side((place, line): (usize, &String)) -> (String, String) {
    let (name, rest) = line
        .trim_start()
        .split_once("  ")
        .unwrap_or_else(|| panic!("{line}"));
    let words: Vec<&str> = rest.split_whitespace().collect();
    let [median, unit, least, "to", most, ratio @ ..] = &words[..] else {
        panic!("{line}")
    };
    assert!(median.parse::<f64>().expect("a figure") > 0.0, "{line}");
    assert_eq!(
        (format!("({median}"), format!("{median})")),
        ((*least).into(), (*most).into()),
        "{line}"
    );
    // All other sides are compared with the first.
    assert_eq!(ratio.join(" ").starts_with("the pool is "), place > 0, "{line}");
    (name.to_owned(), (*unit).to_owned())
}

/// Checks titles, names and units.
fn assert_compares(arguments: &[&str], unit: &str, expected: &[(&str, &[&str])]) {
    let owned = |names: &[&str]| {
        names
            .iter()
            .map(|name| ((*name).to_owned(), unit.to_owned()))
            .collect()
    };
    let expected: Vec<(String, Vec<(String, String)>)> = expected
        .iter()
        .map(|(title, names)| ((*title).to_owned(), owned(names)))
        .collect();
    assert_eq!(sides(arguments), expected);
}

#[test]
fn whole_files_are_compared_with_one_thread_and_with_peers() {
    let file = expressions();
    let path = file.path().to_str().expect("a path in UTF-8");
    let peer = "half a second=test -s {in} && echo rate=1 secs=0.5";
    assert_compares(
        &["eval", path, "--peer", peer],
        "µs",
        &[(
            "expressions, file to file",
            &["pool eval -j 2", "one thread", "half a second"],
        )],
    );
}

#[test]
fn expressions_one_by_one_are_compared_with_peers() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "1+1\n2+2\n").expect("written");
    let path = file.path().to_str().expect("a path in UTF-8");
    assert_compares(
        &["one-by-one", path, "--peer", "slow=echo jobs_per_s=3"],
        "jobs/s",
        &[("expressions, one by one", &["pool, submit", "slow"])],
    );
}

#[test]
fn a_peer_without_a_figure_is_reported_with_its_output() {
    let file = expressions();
    let path = file.path().to_str().expect("a path in UTF-8");
    let failed = run(
        "compare",
        &["--rounds", "1", "eval", path, "--peer", "mute=echo seconds=1"],
    );
    assert!(!failed.status.success());
    let complaint = String::from_utf8_lossy(&failed.stderr);
    assert!(
        complaint.contains("printed no secs=, but: seconds=1"),
        "{complaint}"
    );
}

#[test]
fn small_echoes_are_compared_with_raw_frames() {
    assert_compares(
        &["echo"],
        "jobs/s",
        &[(
            "echo of a small struct",
            &[
                "pool, map",
                "raw frames of 1024 over SEQPACKET",
                "pool, map_unordered",
            ],
        )],
    );
}

#[test]
fn lone_jobs_are_compared_with_bare_round_trips() {
    let both: &[&str] = &["pool, submit and wait", "bare ipc-channel"];
    assert_compares(
        &["lone"],
        "µs",
        &[
            ("a lone job, back to back, p50", both),
            ("a lone job, both ends asleep, p50", both),
        ],
    );
}

#[test]
fn payloads_are_compared_at_each_size() {
    let ways: &[&str] = &[
        "pool, Bytes",
        "bare IpcBytesSender",
        "pool, ByteBuf",
        "pool, Vec<u8>",
    ];
    assert_compares(
        &["payload"],
        "µs",
        &[
            ("echo of 64 KiB", ways),
            ("echo of 1024 KiB", ways),
            ("echo of 16384 KiB", ways),
        ],
    );
}

#[test]
fn starts_are_compared_with_bare_processes_and_peers() {
    assert_compares(
        &["start", "--peer", "late=echo start_ms=99"],
        "µs",
        &[
            (
                "start to first result",
                &["pool of two, first result", "two bare processes, first answer"],
            ),
            ("start to two results", &["pool of two, two results", "late"]),
        ],
    );
}

#[test]
fn memory_is_seen_however_short_the_run() {
    let printed = lines("compare", &["memory", "--lines", "20000"]);
    assert_eq!(
        printed[0],
        "the most memory of pool eval -j 2 (proportional set size)"
    );
    assert_eq!(printed.len(), 3, "{printed:?}");
    for (line, number) in printed[1..].iter().zip(["200", "20000"]) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [
            lines,
            "lines:",
            "parent",
            parent,
            "KiB,",
            "largest",
            "worker",
            worker,
            "KiB",
        ] = words[..]
        else {
            panic!("{line}")
        };
        assert_eq!(lines, number);
        for kib in [parent, worker] {
            // A process that was missed, or that grows with its input, would be outside of these bounds.
            assert!(
                (50..100_000).contains(&kib.parse::<u64>().expect("a figure")),
                "{line}"
            );
        }
    }
}

#[test]
fn the_shared_objects_are_measured_beside_what_else_there_is() {
    let printed = lines("primitives_bench", &["--rounds", "1"]);
    assert!(printed[0].starts_with("median of 1 rounds"), "{printed:?}");
    let measured = [
        ("std::sync::Mutex, lock and unlock", ""),
        ("Lock, lock and unlock", "(at most 3)"),
        ("Value<u64>, lock, add one and unlock", "x"),
        ("std::sync::Mutex, two threads at once", ""),
        ("Value<u64>, two processes at once", "x"),
        ("Queue<u64>, between two processes, per item", ""),
        ("ipc-channel, one message per item", "(at least 5)"),
        ("Python's multiprocessing.Queue", ""),
        ("Pipe, round trip between two processes", ""),
        ("Semaphore, acquire and release", ""),
        ("Lock, made and dropped", ""),
    ];
    assert_eq!(printed.len(), 1 + measured.len(), "{printed:?}");
    for (line, (name, end)) in printed[1..].iter().zip(measured) {
        assert!(line.starts_with(name) && line.ends_with(end), "{name}: {line}");
        let figure = line[name.len()..].split_whitespace().next().expect("a figure");
        let is_missing = line.contains(": not measured, ");
        assert!(
            is_missing || figure.parse::<f64>().expect("a figure") > 0.0,
            "{line}"
        );
    }
}
