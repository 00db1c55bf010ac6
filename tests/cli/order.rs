//! Which line belongs to which expression.

use crate::command::run;

const JOBS: usize = 20_000;

fn input() -> String {
    // Some jobs take a thousand times longer than others.
    (0..JOBS)
        .map(|job| {
            if job.is_multiple_of(97) {
                format!("sum(range({job}))\n")
            } else {
                format!("{job}*2\n")
            }
        })
        .collect()
}

fn value(job: usize) -> usize {
    if job.is_multiple_of(97) {
        job * job.saturating_sub(1) / 2
    } else {
        job * 2
    }
}

#[test]
fn line_n_belongs_to_expression_n_with_any_number_of_workers() {
    let expected = (0..JOBS).fold(String::new(), |lines, job| lines + &value(job).to_string() + "\n");
    for workers in ["1", "2", "4"] {
        for threads in ["1", "2"] {
            let ended = run(["-j", workers, "--threads", threads], input());
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            assert!(ended.stdout == expected, "-j {workers} --threads {threads}");
        }
    }
}

#[test]
fn unordered_results_are_complete_and_numbered() {
    let ended = run(["-u", "--json", "-j", "4"], input());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut lines: Vec<&str> = ended.stdout.lines().collect();
    lines.sort_unstable();
    let mut expected: Vec<String> = (0..JOBS)
        .map(|job| format!("{{\"seq\":{job},\"ok\":true,\"repr\":\"{}\"}}", value(job)))
        .collect();
    expected.sort_unstable();
    assert!(lines == expected);
}
