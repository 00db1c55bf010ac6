//! Measures the time of an expression, from source to text, in comparison with other evaluators.
//!
//! `cargo bench -p expression --bench expression` measures, and prints the table of the README at its end. CPython measures
//! itself, in a process of its own. Expressions that an evaluator doesn't support are left out.

#![expect(clippy::print_stdout, reason = "the table is what people run it for")]

use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use expression::{Evaluator, Expression, Limits, Names, Value};

/// The source in the notation of each evaluator; `None` if the evaluator doesn't support it.
struct Source {
    python: &'static str,
    fasteval: Option<&'static str>,
    evalexpr: Option<&'static str>,
    rhai: Option<&'static str>,
}

const fn everywhere(python: &'static str) -> Source {
    Source {
        python,
        fasteval: Some(python),
        evalexpr: Some(python),
        rhai: Some(python),
    }
}

const SOURCES: [Source; 7] = [
    everywhere("1+2+3"),
    everywhere("(1 + 2) * 3 - 4 * 5"),
    everywhere("1.5 * 2.25 / 0.1"),
    Source {
        fasteval: Some("1 < 2 && 2 <= 3 && !(4 == 5)"),
        evalexpr: Some("1 < 2 && 2 <= 3 && !(4 == 5)"),
        rhai: Some("1 < 2 && 2 <= 3 && !(4 == 5)"),
        ..everywhere("1 < 2 <= 3 and not 4 == 5")
    },
    Source {
        rhai: None,
        ..everywhere("max(1, 2, 3) + min(4, 5)")
    },
    Source {
        fasteval: None,
        evalexpr: Some("\"price: \" + str::from(12)"),
        rhai: Some("\"price: \" + 12"),
        ..everywhere("'price: ' + str(12)")
    },
    Source {
        fasteval: None,
        evalexpr: None,
        rhai: Some("let s = 0; for i in 0..100 { s += i * i; } s"),
        ..everywhere("sum(i * i for i in range(100))")
    },
];

/// Evaluates one source to text, repeatedly.
type Route<'a> = Box<dyn FnMut() -> usize + 'a>;

type Start = fn(&'static str) -> Route<'static>;

fn ours(source: &'static str) -> Route<'static> {
    let mut evaluator = Evaluator::new(Limits::default());
    let (names, mut out) = (Names::default(), Vec::new());
    Box::new(move || {
        out.clear();
        evaluator
            .eval_into(black_box(source.as_bytes()), &names, &mut out)
            .expect("a value");
        out.len()
    })
}

/// The fastest use of fasteval, which reuses its memory.
fn fasteval(source: &'static str) -> Route<'static> {
    use fasteval::{EmptyNamespace, Evaler as _, Parser, Slab};
    let (parser, mut slab, mut out) = (Parser::new(), Slab::new(), Vec::new());
    Box::new(move || {
        let parsed = parser
            .parse(black_box(source), &mut slab.ps)
            .expect("an expression");
        let value = parsed
            .from(&slab.ps)
            .eval(&slab, &mut EmptyNamespace)
            .expect("a value");
        out.clear();
        write!(out, "{value}").expect("a Vec takes all");
        out.len()
    })
}

fn evalexpr(source: &'static str) -> Route<'static> {
    let mut out = Vec::new();
    Box::new(move || {
        let value = evalexpr::eval(black_box(source)).expect("a value");
        out.clear();
        write!(out, "{value}").expect("a Vec takes all");
        out.len()
    })
}

fn rhai(source: &'static str) -> Route<'static> {
    let engine = rhai::Engine::new();
    Box::new(move || {
        let value: rhai::Dynamic = engine.eval(black_box(source)).expect("a value");
        value.to_string().len()
    })
}

/// The evaluators that support a source, by name.
fn routes(source: &Source) -> Vec<(&'static str, Route<'static>)> {
    let mut routes = vec![("ours", ours(source.python))];
    let others: [(&str, Option<&'static str>, Start); 3] = [
        ("fasteval", source.fasteval, fasteval),
        ("evalexpr", source.evalexpr, evalexpr),
        ("rhai", source.rhai, rhai),
    ];
    for (name, source, route) in others {
        routes.extend(source.map(|source| (name, route(source))));
    }
    routes
}

fn source_to_text(criterion: &mut Criterion) {
    for source in &SOURCES {
        let mut group = criterion.benchmark_group(source.python);
        for (name, mut route) in routes(source) {
            group.bench_function(name, |bencher| bencher.iter(&mut route));
        }
        group.finish();
    }
}

fn parsed_once(criterion: &mut Criterion) {
    let expression = Expression::parse("round(price * quantity, 2)").expect("an expression");
    let mut names = Names::default();
    names.bind("price", Value::from(19.99)).expect("a name");
    names.bind("quantity", Value::from(3)).expect("a name");
    let limits = Limits::default();
    criterion.bench_function("parsed once", |bencher| {
        bencher.iter(|| expression.evaluate(black_box(&names), &limits).expect("a value"));
    });
}

/// Prints the table of the README. Measures the evaluators and CPython in turns, so that a busy machine affects all alike.
fn table(_: &mut Criterion) {
    const ROUNDS: usize = 15;
    println!("\n| expression | ours | fasteval | evalexpr | rhai | CPython `repr(eval(s))` |");
    println!("|---|---:|---:|---:|---:|---:|");
    for source in &SOURCES {
        let mut best: Vec<(&str, Duration)> = Vec::new();
        let mut routes = routes(source);
        for _ in 0..ROUNDS {
            for (name, route) in &mut routes {
                keep_least(&mut best, name, once(route));
            }
            if let Some(time) = cpython(source.python) {
                keep_least(&mut best, "CPython", time);
            }
        }
        let cell = |wanted: &str| {
            let time = best.iter().find(|(name, _)| *name == wanted);
            time.map_or("–".to_owned(), |(_, time)| format!("{} ns", time.as_nanos()))
        };
        let cells = ["ours", "fasteval", "evalexpr", "rhai", "CPython"].map(cell);
        println!("| `{}` | {} |", source.python, cells.join(" | "));
    }
    if cpython("0").is_none() {
        println!("\nSKIPPED: CPython, because there is no python3");
    }
}

fn keep_least(best: &mut Vec<(&'static str, Duration)>, name: &'static str, time: Duration) {
    match best.iter_mut().find(|(known, _)| *known == name) {
        Some((_, least)) => *least = time.min(*least),
        None => best.push((name, time)),
    }
}

/// The time of one evaluation, averaged over a few milliseconds.
fn once(route: &mut Route<'static>) -> Duration {
    const TIMES: u32 = 5_000;
    let start = Instant::now();
    for _ in 0..TIMES {
        black_box(route());
    }
    start.elapsed() / TIMES
}

/// The time that CPython measures for itself; `None` without CPython.
#[expect(clippy::disallowed_methods, reason = "a benchmark may start programs")]
fn cpython(source: &str) -> Option<Duration> {
    const LOOP: &str = "import sys, time\n\
        source, times = sys.argv[1], 1000\n\
        start = time.perf_counter_ns()\n\
        for _ in range(times): repr(eval(source))\n\
        print((time.perf_counter_ns() - start) // times)";
    let output = Command::new("python3").args(["-c", LOOP, source]).output().ok()?;
    String::from_utf8(output.stdout)
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

criterion_group!(benches, source_to_text, parsed_once, table);
criterion_main!(benches);
