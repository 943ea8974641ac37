//! What each step of a request costs: `cargo bench -p flow-edge --bench stages`.
//!
//! `tests/bench/cost` holds the whole process against the RSA operation measured here.

mod line;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use self::line::{Line, key};

fn stages(criterion: &mut Criterion) {
    let line = Line::new();
    let mut group = criterion.benchmark_group("stage");
    group.bench_function("signature", |bencher| bencher.iter(|| line.verify()));
    group.bench_function("parse", |bencher| bencher.iter_batched(|| line.verify(), Line::parse, BatchSize::SmallInput));
    let envelope = || Line::parse(line.verify());
    let wrapped = envelope();
    group.bench_function("rsa", |bencher| bencher.iter(|| line.unwrap(&wrapped)));
    group.bench_function("gcm", |bencher| {
        bencher.iter_batched(envelope, |envelope| Line::open(envelope, key()), BatchSize::SmallInput);
    });
    let opened = || Line::open(envelope(), key());
    let (plaintext, _) = opened();
    group.bench_function("decode", |bencher| bencher.iter(|| Line::decode(&plaintext)));
    group.bench_function("to_logic", |bencher| {
        bencher.iter_batched(|| Line::decode(&plaintext), Line::to_logic, BatchSize::SmallInput);
    });
    group.bench_function("read_answer", |bencher| bencher.iter(|| line.read_answer()));
    group.bench_function("judge", |bencher| {
        let input = || line.read_answer();
        bencher.iter_batched(input, |(asked, answer)| line.judge(asked, &answer), BatchSize::SmallInput);
    });
    group.bench_function("encode", |bencher| {
        bencher.iter_batched(|| line.read_answer().1, Line::encode, BatchSize::SmallInput);
    });
    group.bench_function("seal", |bencher| {
        let input = || (opened().1, Line::encode(line.read_answer().1));
        bencher.iter_batched(input, |(session, plaintext)| Line::seal(session, plaintext), BatchSize::SmallInput);
    });
    group.bench_function("all_but_rsa", |bencher| bencher.iter(|| line.all_but_rsa()));
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
