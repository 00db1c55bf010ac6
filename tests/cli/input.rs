//! Where expressions come from, and what happens to bad ones.

use std::fmt::Write as _;

use crate::stage::eval;

#[test]
fn arguments_files_and_standard_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("some");
    std::fs::write(&file, "10\n20\r\n30").expect("written");
    let file = file.to_str().expect("a path in UTF-8");
    assert_eq!(
        eval(&["1+2+3", "2**100", "7/2"], b"").stdout,
        "6\n1267650600228229401496703205376\n3.5\n"
    );
    assert_eq!(eval(&[], b"1\n2\n").stdout, "1\n2\n");
    assert_eq!(
        eval(&["1", "-a", file, "-a", "-"], b"4").lines(),
        ["1", "10", "20", "30", "4"]
    );
}

#[test]
fn an_empty_input_gives_an_empty_output() {
    let ran = eval(&[], b"");
    assert_eq!(
        (ran.code(), ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), "", "")
    );
}

#[test]
fn each_line_has_its_place_whatever_is_in_it() {
    let ran = eval(&[], b"1\n\xff\n1/0\n\0\n\nnope\n2\n");
    assert_eq!(ran.code(), Some(1));
    let lines = ran.lines();
    assert_eq!(lines.len(), 7);
    assert_eq!((lines[0], lines[6]), ("1", "2"));
    assert_eq!(lines[2], "ZeroDivisionError: division by zero");
    assert!(
        [1, 3, 4]
            .iter()
            .all(|line| lines[*line].starts_with("SyntaxError: ")),
        "{lines:?}"
    );
    assert!(lines[5].starts_with("NameError: "), "{lines:?}");
}

#[test]
fn blank_lines_may_be_skipped() {
    let ran = eval(&["--skip-blank"], b"\n1\n   \n\n2\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(0), "1\n2\n"));
}

#[test]
fn records_may_end_with_nul() {
    assert_eq!(eval(&["-0"], b"(1 +\n2)\x003\0").stdout, "3\n3\n");
}

#[test]
fn a_huge_line_is_answered_in_its_place_and_the_rest_goes_on() {
    let mut input = b"1\n".to_vec();
    input.resize(100 << 20, b'1');
    input.extend_from_slice(b"\n2\n");
    let ran = eval(&["-j", "1"], &input);
    let lines = ran.lines();
    assert_eq!((lines.len(), lines[0], lines[2]), (3, "1", "2"));
    assert!(lines[1].starts_with("LimitExceeded: "), "{}", lines[1]);
}

#[test]
fn an_unreadable_file_is_named_and_the_rest_goes_on() {
    let ran = eval(&["1", "-a", "/nowhere/file", "-a", "-"], b"2\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(1), "1\n2\n"));
    assert!(
        ran.stderr.contains("/nowhere/file") && ran.stderr.contains("No such file"),
        "{}",
        ran.stderr
    );
}

#[test]
fn names_may_be_bound() {
    let ran = eval(&["-D", "x=41", "-D", "y=[x, x+1]", "y[1]", "sum(y)"], b"");
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(0), "42\n83\n"));
    for bad in ["x=1/0", "x", "1x=2", "x=(", "math=1"] {
        let ran = eval(&["-D", bad, "1"], b"");
        assert_eq!(
            (ran.code(), ran.stdout.as_str()),
            (Some(2), ""),
            "{bad}: {}",
            ran.stderr
        );
        assert!(!ran.stderr.is_empty());
    }
}

#[test]
fn impossible_options_are_errors_of_usage() {
    for arguments in [
        &["-j", "0", "1"][..],
        &["--timeout", "soon", "1"],
        &["--nothing"],
        &["--threads", "0", "1"],
    ] {
        let ran = eval(arguments, b"");
        assert_eq!(ran.code(), Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
}

#[test]
fn answers_are_those_of_python_in_order_whatever_the_number_of_workers() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut input = String::new();
    for _ in 0..5000 {
        let mut number = || random.i64(-1000..1000);
        let (a, b, c) = (number(), number(), number());
        let operator = random
            .choice(["+", "-", "*", "//", "%", "/", "<", "==", "&", "|", "^"])
            .expect("one");
        writeln!(input, "{a} {operator} ({b}) * {c}").expect("written");
    }
    let one = eval(&["-j", "1"], input.as_bytes());
    for more in [&["-j", "2"][..], &["-j", "4"], &["-j", "2", "--threads", "2"]] {
        assert_eq!(eval(more, input.as_bytes()).stdout, one.stdout, "{more:?}");
    }
    let unordered = eval(&["-j", "2", "-u"], input.as_bytes());
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&unordered.stdout), sorted(&one.stdout));
    compare_with_python(&input, &one.stdout);
}

fn compare_with_python(input: &str, output: &str) {
    let program = "import sys\nfor line in sys.stdin:\n  try: print(repr(eval(line)))\n  except Exception as e: print(type(e).__name__)";
    let python = std::process::Command::new("python3")
        .args(["-c", program])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        eprintln!("SKIPPED the comparison with CPython: there is no python3");
        return;
    };
    let mut stdin = python.stdin.take().expect("its input");
    let input = input.to_owned();
    let feeding = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, input.as_bytes()));
    let expected = python.wait_with_output().expect("python ends").stdout;
    feeding.join().expect("fed").expect("written");
    let expected = String::from_utf8(expected).expect("UTF-8");
    let ours = output.lines().map(|line| match line.split_once("Error: ") {
        Some((kind, _)) => format!("{kind}Error"),
        None => line.to_owned(),
    });
    assert!(
        ours.eq(expected.lines().map(str::to_owned)),
        "the answers differ from CPython's"
    );
}
