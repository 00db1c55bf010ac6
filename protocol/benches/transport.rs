//! What a job and its result cost on their way, without processes: frames and the ring.
//!
//! `cargo bench -p protocol --bench transport`. Times are for one job.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use protocol::{
    Status,
    board::{
        Board,
        ring::{RingReader, RingWriter},
    },
    message::frame::{self, Form, Frame},
};

/// Jobs in a frame, and results in a harvest.
const JOBS: u32 = 1024;

/// A job like many: twelve bytes.
const JOB: &[u8] = b"655+115*26+7";

fn counted() -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::begin(&mut bytes);
    for _ in 0..JOBS {
        frame::append_job(&mut bytes, black_box(JOB));
    }
    frame::finish(&mut bytes, Form::Counted, 1, 0, JOBS);
    bytes
}

fn lines() -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::begin(&mut bytes);
    let text = [JOB, b"\n"].concat().repeat(JOBS as usize);
    bytes.extend_from_slice(&text);
    frame::finish(&mut bytes, Form::Lines(b'\n'), 1, 0, JOBS);
    bytes
}

fn decoded_bytes(bytes: &[u8]) -> usize {
    let frame = Frame::parse(bytes).expect("a frame");
    frame.jobs().map(|job| job.expect("a job").len()).sum()
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame of 1024 jobs");
    group.throughput(Throughput::Elements(JOBS.into()));
    group.bench_function("encode", |bencher| bencher.iter(counted));
    for (name, bytes) in [("decode", counted()), ("decode lines", lines())] {
        group.bench_function(name, |bencher| bencher.iter(|| decoded_bytes(black_box(&bytes))));
    }
    group.finish();
}

fn ring(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring, 1024 results");
    group.throughput(Throughput::Elements(JOBS.into()));
    for bytes in [8, 64] {
        group.bench_function(format!("publish and harvest {bytes} bytes"), |bencher| {
            let board = Board::create().expect("shared memory");
            let (mut writer, mut reader) = (RingWriter::new(), RingReader::new());
            let result = vec![7; bytes];
            let (mut position, mut harvest) = (0, Vec::new());
            bencher.iter(|| {
                for _ in 0..JOBS {
                    writer.publish(&board, position, Status::Output, &result, &mut || ());
                    position += 1;
                }
                harvest.clear();
                reader.harvest(&board, &mut harvest).expect("sound records");
                reader.records(&harvest).count()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames, ring);
criterion_main!(benches);
