# Each recipe is a plain command; `just` (https://just.systems) only gives it a name.

# List the recipes
default:
    @just --list

# Format, lint and document everything, as .ci/run does
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Run all tests
test:
    cargo test --workspace

# Build and open the documentation
docs:
    cargo doc --workspace --no-deps --open

# Check licences and sources of the dependencies (needs cargo-deny)
deny:
    cargo deny check licenses bans sources

# Print the import circles, and which imports make each
circles:
    cargo run -q -p tests --bin circles

# Run the pool's jobs in a storm of signals, and the shared objects under kills
nemesis seed="1":
    cargo run --release -p tests --bin nemesis -- --seed {{seed}} --jobs 10000
    cargo run --release -p tests --bin primitives_nemesis -- --seed {{seed}} --kills 10000

# Compare the evaluator with CPython on new random expressions (needs python3 3.11)
oracle seed="1" cases="100000":
    POOL_ORACLE_SEED={{seed}} POOL_ORACLE_CASES={{cases}} cargo test --workspace --test oracle

# Fuzz the evaluator for some seconds (needs cargo-fuzz)
fuzz seconds="60":
    cd worker && RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none evaluate -- -dict=fuzz/python.dict -max_len=600 -timeout=10 -max_total_time={{seconds}}
    cd worker && RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none round_trip -- -max_len=4000 -timeout=10 -max_total_time={{seconds}}

# Measure the parts
bench:
    cargo bench -p protocol --bench transport
    cargo bench -p pool --bench inside
    cargo bench -p tests --bench submit
    cargo bench --workspace --bench expression

# Run the unit tests of a crate with unsafe code under AddressSanitizer (CONTRIBUTING.md says what is skipped, and why)
asan crate="protocol":
    ASAN_OPTIONS=detect_leaks=0 RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test -p {{crate}} --lib --target {{arch()}}-unknown-linux-gnu -- --skip model --skip no_offset_leads_to_anything_but_an_entry
