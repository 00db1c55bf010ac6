//! The fault catalogue: every fault has a test, and every named test exists.

use std::{collections::BTreeMap, fs, path::Path};

#[test]
fn every_fault_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let index = fs::read_to_string(root.join("tests/catalogue.tsv")).expect("the index");
    let mut covered: BTreeMap<u32, usize> = BTreeMap::new();
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [number, _scenario, file, test] = fields[..] else {
            panic!("not four fields: {line}")
        };
        let number = number.trim_start_matches('F').parse().expect("a number");
        let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let definition = format!("#[test]\nfn {test}(");
        let unindented = source.replace("    ", "");
        assert!(
            unindented.contains(&definition),
            "there is no test {test} in {file}"
        );
        *covered.entry(number).or_default() += 1;
    }
    let missing: Vec<u32> = (1..=52).filter(|number| !covered.contains_key(number)).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}
