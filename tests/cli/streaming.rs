//! Results arrive while input is still being read.

use std::{io::Write, thread};

use crate::command::{ENDLESS, NO_FUEL_LIMIT, Running, eval};

#[test]
fn a_result_is_there_before_the_next_expression_is() {
    for arguments in [&[][..], &["-u"], &["--json", "-j", "4"]] {
        let mut running = Running::start(&mut eval(arguments));
        for job in 0..50 {
            running.write(&format!("{job}+1\n"));
            let line = running.read_line();
            assert!(line.contains(&(job + 1).to_string()), "{line}");
        }
        // Half a line is no job yet.
        running.write("1");
        running.write("0+1\n");
        assert!(running.read_line().contains("11"));
        running.end_input();
        running.end().expect(0, "");
    }
}

#[test]
fn an_unordered_result_does_not_wait_for_a_slow_one() {
    let arguments = [&NO_FUEL_LIMIT[..], &["-u", "-j", "2", "--json"]].concat();
    let mut running = Running::start(&mut eval(arguments));
    running.write(&format!("{ENDLESS}\n"));
    for _ in 0..20 {
        running.write("1+1\n");
        assert!(running.read_line().contains("\"repr\":\"2\""));
    }
}

#[test]
fn memory_stays_flat_while_the_output_is_not_read() {
    let mut running = Running::start(&mut eval(["-j", "2"]));
    let mut stdin = running.take_stdin();
    let line = format!("'{}'\n", "a".repeat(1000));
    let block = line.repeat(1000);
    let total = 200 * 1000;
    let writer = thread::spawn(move || (0..200).for_each(|_| stdin.write_all(block.as_bytes()).unwrap()));
    for _ in 0..total {
        assert_eq!(running.read_line(), line);
    }
    let peak = running.peak_memory_kib();
    assert!(peak < 160 << 10, "{peak} KiB");
    writer.join().unwrap();
    running.end().expect(0, "");
}
