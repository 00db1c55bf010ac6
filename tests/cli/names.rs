//! Names bound with `-D`.

use crate::command::run;

#[test]
fn names_are_bound_for_all_jobs_and_may_use_each_other() {
    let definitions = ["-D", "vat=0.25", "-D", "price=8*(1+vat)"];
    run([&definitions[..], &["price*2", "price == 10"]].concat(), "").expect(0, "20.0\nTrue\n");
}

#[test]
fn a_value_may_have_an_equals_sign() {
    run(["-D", "same = 1 == 1", "same"], "").expect(0, "True\n");
}

#[test]
fn a_definition_without_a_value_is_a_usage_error_with_a_caret() {
    let ended = run(["-D", "a=1", "-D", "b=a+2/0", "b"], "");
    ended.expect(2, "");
    ended.expect_stderr("ZeroDivisionError: division by zero");
    ended.expect_stderr("-D b:1:3");
    ended.expect_stderr("^^^");
}

#[test]
fn a_name_that_cannot_be_bound_is_a_usage_error() {
    for name in ["if", "math", "__x", "1a", "é"] {
        let ended = run(["-D", &format!("{name}=1"), "1"], "");
        ended.expect(2, "");
        ended.expect_stderr(name);
    }
}
