//! How long an expression takes, from the bytes of its source to the text of its value.
//!
//! `cargo bench -p worker --bench expression`. Beside it stands `fasteval`, which knows floats only.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use worker::expression::{Evaluator, Expression, Limits, Names, Value};

/// Sources of growing cost.
const SOURCES: [(&str, &str); 7] = [
    ("three numbers", "1+2+3"),
    ("brackets", "(1 + 2) * 3 - 4 // 5"),
    ("floats", "1.5 * 2.25 / 0.1"),
    ("comparison", "1 < 2 <= 3 and not 4 == 5"),
    ("function", "max(1, 2, 3) + abs(-4)"),
    ("text", "'price: ' + str(12) * 2"),
    ("loop", "sum(i * i for i in range(100))"),
];

fn source_to_text(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("source to text");
    let mut evaluator = Evaluator::new(Limits::default());
    let names = Names::default();
    let mut out = Vec::new();
    for (name, source) in SOURCES {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                evaluator
                    .eval_into(black_box(source.as_bytes()), &names, &mut out)
                    .expect("a value");
                out.len()
            });
        });
    }
    group.finish();
}

fn parsed_once(criterion: &mut Criterion) {
    let expression = Expression::parse("round(price * quantity, 2)").expect("an expression");
    let mut names = Names::default();
    names.bind("price", Value::from(19.99)).expect("a name");
    names.bind("quantity", Value::from(3_i64)).expect("a name");
    let limits = Limits::default();
    criterion.bench_function("parsed once", |bencher| {
        bencher.iter(|| expression.evaluate(black_box(&names), &limits).expect("a value"));
    });
}

fn fasteval_source_to_text(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fasteval");
    for (name, source) in &SOURCES[..3] {
        let source = source.replace("//", "/");
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let value =
                    fasteval::ez_eval(black_box(&source), &mut fasteval::EmptyNamespace).expect("a value");
                value.to_string().len()
            });
        });
        let parser = fasteval::Parser::new();
        let mut slab = fasteval::Slab::new();
        group.bench_function(format!("{name}, memory used again"), |bencher| {
            bencher.iter(|| {
                use fasteval::Evaler as _;
                let expression = parser
                    .parse(black_box(&source), &mut slab.ps)
                    .expect("an expression");
                let value = expression
                    .from(&slab.ps)
                    .eval(&slab, &mut fasteval::EmptyNamespace)
                    .expect("a value");
                value.to_string().len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, source_to_text, parsed_once, fasteval_source_to_text);
criterion_main!(benches);
