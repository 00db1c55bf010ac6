//! The command line.
//!
//! Owns the flags, their help and the checks of each flag by itself. [`crate::run`] decides what they mean together.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueHint, builder::RangedU64ValueParser};
use pool::{Builder, policy::Halt};
use protocol::Eval;
use worker::eval::EvalLimits;

/// A pool of worker processes.
#[derive(Debug, Parser)]
#[command(name = "pool", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Evaluate expressions in Python's notation, each as a job of its own
    #[command(long_about = EVAL_ABOUT, after_long_help = EVAL_MORE)]
    Eval(Box<EvalArguments>),
}

const EVAL_ABOUT: &str = "\
Evaluate expressions in Python's notation, each as a job of its own, and print their values in order.

Expressions come from the arguments, then from the files, or from standard input if there are neither. Each line is an \
expression. Input is read as it arrives, and each result is printed as soon as it and all results before it are ready.";

const EVAL_MORE: &str = "\
Output:
  Line N is the result of expression N: its value as Python's repr prints it, or `Kind: message`.
  Control characters in a message are escaped, so that it stays on one line. The first ten
  failures are also shown on standard error, with their location and a caret. If that is the
  terminal to which the output goes, they are shown there alone.
  With --json each line is an object, and failures are reported nowhere else:
    {\"seq\":0,\"ok\":true,\"repr\":\"2\"}
    {\"seq\":1,\"ok\":false,\"error\":{\"kind\":\"KeyError\",\"message\":\"'tax'\",\"column\":1}}
  `seq` counts expressions from 0; `column` counts characters from 1 and is null if the location
  is unknown.

Exit codes:
  0    every expression has a value, or the reader closed the output
  1    an expression failed, or a file could not be read; all others were evaluated
  2    the command line is invalid
  3    the pool failed to start or broke, or the output is closed or could not be written
  130  Ctrl-C: the first drops what is not running and waits for what is, the second kills that
  143  SIGTERM: kills all jobs

Signals:
  After Ctrl-C and SIGTERM the command dies of SIGINT or SIGTERM, which shells show as the exit
  codes above. An expression that was not evaluated has no line, unless one after it has a value:
  then its line starts with `Interrupted`. Ctrl-Z stops the workers too, and that time counts for
  no limit. Signals that are ignored at the start stay ignored.

Input:
  UTF-8. A byte order mark at the start of a file or of standard input is skipped. Input that
  begins with the mark of UTF-16 or UTF-32 is not read.

Environment:
  RUST_LOG  what to log on standard error, for example `pool=debug`; overrides -v
  NO_COLOR  disables colours

Examples:
  pool eval '2**10' 'sum(range(101))'
  pool eval -a prices.txt -D vat=0.19 -j 4 > totals.txt
  seq 1000000 | sed 's/$/**2/' | pool eval --bar > squares.txt
  find . -name '*.expr' -print0 | xargs -0 cat | pool eval --json --timeout 500ms
  pool eval -- '-1 + 2'";

const HALT_HELP: &str = "\
Stop once too many expressions have failed [default: never]

`soon` waits for running jobs to finish, `now` kills them. Nothing more is started or read; expressions that were read but \
not run get a line that starts with `Halted`. `fail=N` stops at the Nth failure; `fail=N%` stops when that share of all finished jobs has \
failed, once at least three have. Examples: `soon,fail=1`, `now,fail=10%`.";

/// The arguments of `pool eval`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct EvalArguments {
    /// Expressions to evaluate, before any file; put `--` before one that begins with `-`
    #[arg(value_name = "EXPR")]
    pub(crate) expressions: Vec<OsString>,

    /// Read expressions from FILE, or from standard input if it is `-`; may be repeated
    #[arg(short = 'a', long = "arg-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    /// Input records end with NUL instead of a line feed, so each may span several lines; output is still one line each
    #[arg(short = '0', long)]
    pub(crate) null: bool,

    /// Skip blank lines instead of reporting each as a `SyntaxError`
    #[arg(long)]
    pub(crate) skip_blank: bool,

    /// Bind NAME to the value of EXPR in all jobs; later definitions may use earlier ones
    #[arg(short = 'D', long = "define", value_name = "NAME=EXPR", value_parser = parse_definition)]
    pub(crate) definitions: Vec<Definition>,

    /// Number of worker processes [default: one per available CPU]
    #[arg(short = 'j', long, value_name = "N", value_parser = workers())]
    pub(crate) workers: Option<usize>,

    /// Number of jobs that each worker runs at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: usize,

    /// Print results as they arrive; only --json then says which expression each belongs to
    #[arg(short, long)]
    pub(crate) unordered: bool,

    /// Print one JSON object per expression
    #[arg(long)]
    pub(crate) json: bool,

    /// Time limit per expression, for example `500ms` or `2s`; on timeout its worker is killed [default: none]
    #[arg(long, value_name = "TIME", value_parser = parse_timeout)]
    pub(crate) timeout: Option<Duration>,

    /// Start an expression at most N times if its worker dies
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) attempts: u8,

    /// Stop once too many expressions have failed: `soon,fail=1` waits for running jobs, `now,fail=10%` kills them
    /// [default: never]
    #[arg(long, value_name = "WHEN,fail=N[%]", long_help = HALT_HELP)]
    pub(crate) halt: Option<Halt>,

    /// Memory limit per worker, for example `512M`; a worker that exceeds it is killed [default: none]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory_max: Option<u64>,

    /// Restart a worker between expressions once its memory exceeds SIZE [default: never]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) recycle_memory: Option<u64>,

    /// Restart a worker after about N expressions [default: never]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) recycle_after: Option<u64>,

    /// Program to start as the worker; it must serve the job `eval` [default: this program]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) worker: Option<PathBuf>,

    /// Show a progress bar on standard error if it is a terminal
    #[arg(long)]
    pub(crate) bar: bool,

    /// Log more on standard error; may be repeated
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(flatten)]
    pub(crate) limits: LimitArguments,
}

/// The limits of one evaluation.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "named like the flags")]
#[command(next_help_heading = "Limits per expression")]
pub(crate) struct LimitArguments {
    /// Longest expression, in bytes [default: 16384]
    #[arg(long, value_name = "BYTES")]
    max_source: Option<usize>,

    /// Deepest nesting [default: 200]
    #[arg(long, value_name = "LEVELS")]
    max_depth: Option<usize>,

    /// Largest int, in bits [default: 65536]
    #[arg(long, value_name = "BITS")]
    max_int_bits: Option<u64>,

    /// Longest str in bytes, and longest list, tuple, set or dict in items [default: 1000000]
    #[arg(long, value_name = "LENGTH")]
    max_len: Option<usize>,

    /// Total size of all values created, in bytes [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    max_alloc: Option<u64>,

    /// Longest result, in bytes [default: 1048576]
    #[arg(long, value_name = "BYTES")]
    max_output: Option<usize>,

    /// Most evaluation steps [default: 1000000]
    #[arg(long, value_name = "STEPS")]
    max_fuel: Option<u64>,
}

impl LimitArguments {
    /// The limits in the form that is sent to workers.
    pub(crate) fn limits(&self) -> EvalLimits {
        EvalLimits {
            max_source: self.max_source,
            max_depth: self.max_depth,
            max_int_bits: self.max_int_bits,
            max_len: self.max_len,
            max_alloc: self.max_alloc,
            fuel: self.max_fuel,
            max_output: self.max_output,
        }
    }
}

/// A name and the expression whose value it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) expression: String,
}

fn parse_definition(text: &str) -> Result<Definition, String> {
    let (name, expression) = text.split_once('=').ok_or("expected NAME=EXPR")?;
    Ok(Definition {
        name: name.trim().to_owned(),
        expression: expression.to_owned(),
    })
}

/// Parses a number of bytes with an optional unit: `512M` and `512MiB` are both 512 × 1,024 × 1,024 bytes.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_uppercase();
    let shift = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" if !unit.starts_with('I') => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => {
            return Err("expected a size in bytes, or with the unit K, M, G or T, as in `512M`".to_owned());
        }
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a size must begin with a whole number, as in `512M`".to_owned())?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "the size is too large".to_owned())
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("the timeout must not be zero".to_owned()),
        Ok(timeout) => Ok(timeout),
        Err(error) => Err(error.to_string()),
    }
}

fn workers() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=Builder::<Eval>::MAX_WORKERS as u64)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<EvalArguments, clap::Error> {
        let Command::Eval(arguments) =
            Arguments::try_parse_from([&["pool", "eval"], arguments].concat())?.command;
        Ok(*arguments)
    }

    #[test]
    fn the_command_line_definition_is_valid() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn all_flags_are_parsed() {
        let line = [
            "1+1",
            "-a",
            "x",
            "-a",
            "-",
            "-0",
            "-j",
            "3",
            "--threads",
            "2",
            "-u",
            "--json",
            "-D",
            "a = b==1",
            "--timeout",
            "1s 500ms",
            "--attempts",
            "2",
            "--halt",
            "now,fail=10%",
            "--memory-max",
            "512M",
            "--recycle-memory",
            "1 GiB",
            "--recycle-after",
            "1000",
            "--bar",
            "--skip-blank",
            "-vv",
            "--max-fuel",
            "9",
            "--",
            "-1",
        ];
        let read = parse(&line).unwrap();
        assert_eq!(read.expressions, ["1+1", "-1"]);
        assert_eq!(read.files, [PathBuf::from("x"), PathBuf::from("-")]);
        assert!(read.null && read.unordered && read.json && read.bar && read.skip_blank);
        assert_eq!(
            (read.workers, read.threads, read.attempts, read.verbose),
            (Some(3), 2, 2, 2)
        );
        assert_eq!(read.halt, "now,fail=10%".parse().ok());
        assert_eq!(
            (read.memory_max, read.recycle_memory, read.recycle_after),
            (Some(512 << 20), Some(1 << 30), Some(1000))
        );
        assert_eq!(read.timeout, Some(Duration::from_millis(1500)));
        assert_eq!(
            (&*read.definitions[0].name, &*read.definitions[0].expression),
            ("a", " b==1")
        );
        assert_eq!(read.limits.limits().fuel, Some(9));
        assert_eq!(read.limits.limits().max_depth, None);
    }

    #[test]
    fn sizes_are_powers_of_two() {
        for (text, bytes) in [
            ("7", 7),
            ("1k", 1 << 10),
            ("3MiB", 3 << 20),
            ("2 GB", 2 << 30),
            ("5B", 5),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "x", "1.5M", "1i", "1iB", "M"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn invalid_values_are_rejected() {
        for line in [
            &["-j", "0"][..],
            &["-j", "1025"],
            &["-j", "-1"],
            &["--timeout", "5"],
            &["--timeout", "0s"],
            &["--attempts", "0"],
            &["--halt", "soon"],
            &["--halt", "soon,fail=0"],
            &["--halt", "later,fail=1"],
            &["--memory-max", "M"],
            &["--memory-max", "1X"],
            &["--memory-max", "-1"],
            &["--memory-max", "99999999999T"],
            &["--recycle-after", "0"],
            &["-D", "a"],
            &["--no-such-flag"],
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line:?}");
        }
    }
}
