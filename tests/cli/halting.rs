//! `--halt`, `--memory-max` and recycling, from the command line.

use crate::command::run;

#[test]
fn a_halt_at_the_first_failure_runs_nothing_behind_it() {
    let lines = (0..50_000).map(|number| match number {
        3 => "1/0".to_owned(),
        _ => number.to_string(),
    });
    let input = lines.collect::<Vec<_>>().join("\n");
    // One worker: with two, the other may not have started job 1 when job 3 fails.
    let ended = run(["-j", "1", "--halt", "soon,fail=1"], input);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines[..4], ["0", "1", "2", "ZeroDivisionError: division by zero"]);
    assert!(lines.len() < 50_000, "all was run");
    for (number, line) in lines.iter().enumerate().skip(4) {
        assert!(
            *line == number.to_string()
                || line.starts_with("Halted: the job was not run, because the pool halted"),
            "{number}: {line}"
        );
    }
    ended.expect_stderr("halted because 1 of");
    assert_eq!(ended.stderr.matches("Halted:").count(), 0, "{}", ended.stderr);
}

#[test]
fn a_halt_that_is_not_reached_changes_nothing() {
    let ended = run(
        [
            "-j",
            "2",
            "--halt",
            "now,fail=50%",
            "1",
            "1/0",
            "2",
            "1/0",
            "3",
            "4",
        ],
        "",
    );
    ended.expect(
        1,
        "1\nZeroDivisionError: division by zero\n2\nZeroDivisionError: division by zero\n3\n4\n",
    );
}

#[test]
fn an_invalid_halt_is_a_usage_error() {
    let ended = run(["--halt", "soon,fail=0%", "1"], "");
    ended.expect(2, "");
    ended.expect_stderr("invalid value 'soon,fail=0%' for '--halt <WHEN,fail=N[%]>'");
    ended.expect_stderr("`0%` is not a share from 1% to 100%");
    let ended = run(["--memory-max", "lots", "1"], "");
    ended.expect(2, "");
    ended.expect_stderr("a size");
}

#[test]
fn an_expression_past_the_memory_limit_costs_itself_alone() {
    let costly = "sum([x * 1.5 for x in range(900000)]) + len('a' * 60000000)";
    let arguments = [
        "-j",
        "1",
        "--memory-max",
        "24M",
        "--max-alloc",
        "1000000000",
        "--max-len",
        "100000000",
    ];
    let ended = run(
        [
            &arguments[..],
            &["--max-fuel", "1000000000", "1+1", costly, "2+2"],
        ]
        .concat(),
        "",
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!((lines[0], lines[2]), ("2", "4"), "{ended:?}");
    assert!(lines[1].starts_with("WorkerDied: "), "{ended:?}");
    assert!(lines[1].contains("memory"), "{ended:?}");
}

#[test]
fn recycled_workers_change_no_output() {
    let input = (0..20_000)
        .map(|number| number.to_string() + "\n")
        .collect::<String>();
    run(["-j", "2", "--recycle-after", "500"], input.clone()).expect(0, &input);
}
