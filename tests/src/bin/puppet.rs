//! The puppet worker: serves `tests::Puppet`, or misbehaves at its start as its second argument says.

use std::{io::Write, process::ExitCode, time::Duration};

use tests::{Answer, Puppet, nemesis::Journal};
use worker::Context;

/// How long the slow initialiser takes.
const SLOW_START: Duration = Duration::from_secs(1);

struct State {
    count: u64,
    argument: String,
    hoard: Vec<Vec<u8>>,
    kept: Vec<pool::Bytes>,
    journal: Option<Journal>,
}

fn main() -> ExitCode {
    match std::env::args().nth(2).as_deref() {
        Some("exit") => {
            let _ = writeln!(std::io::stderr(), "the puppet exits at once");
            return ExitCode::from(3);
        }
        Some("silent") => loop {
            std::thread::park();
        },
        Some("babble") => {
            let _ = std::io::stdout().write_all(b"hello\n");
            let answer = rustix::io::write(rustix::stdio::stdin(), b"this is no handshake");
            assert!(answer.is_ok());
            loop {
                std::thread::park();
            }
        }
        Some("old") => {
            let mut bytes =
                protocol::message::handshake::encode(&protocol::message::handshake::Answer::ready())
                    .expect("encoded");
            bytes[8..12].copy_from_slice(&77_u32.to_le_bytes());
            let answer = rustix::io::write(rustix::stdio::stdin(), &bytes);
            assert!(answer.is_ok());
            loop {
                std::thread::park();
            }
        }
        Some("hang-up") => {
            rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null").expect("/dev/null")).expect("dup2");
            loop {
                std::thread::park();
            }
        }
        Some("once") => {
            // Starts the first time, and never again.
            let mark = std::env::args().nth(3).expect("the path of the mark");
            if std::fs::File::create_new(mark).is_err() {
                let _ = writeln!(std::io::stderr(), "only once");
                return ExitCode::from(9);
            }
        }
        _ => {}
    }
    worker::Service::with_state(initialise, play).serve()
}

fn initialise(setup: &worker::Setup) -> Result<State, String> {
    tracing::info!(lane = setup.lane(), "the puppet begins");
    let argument = if setup.has_argument() {
        setup.argument::<String>().map_err(|error| error.to_string())?
    } else {
        String::new()
    };
    match argument.as_str() {
        "fail" => Err("the initialiser fails on purpose".into()),
        "panic" => panic!("the initialiser panics on purpose"),
        "slow" => {
            std::thread::sleep(SLOW_START);
            Ok(state(argument))
        }
        _ => match argument.strip_prefix("journal ") {
            None => Ok(state(argument)),
            Some(place) => {
                let (jobs, path) = place.split_once(' ').ok_or("no path")?;
                let jobs = jobs.parse().map_err(|_| "no number")?;
                let journal = Some(Journal::open(&(path.to_owned(), jobs))?);
                Ok(State {
                    journal,
                    ..state(argument)
                })
            }
        },
    }
}

fn state(argument: String) -> State {
    State {
        count: 0,
        argument,
        hoard: Vec::new(),
        kept: Vec::new(),
        journal: None,
    }
}

fn play(job: Puppet, context: &mut Context<'_, State>) -> Answer {
    context.state().count += 1;
    match job {
        Puppet::Echo(bytes) => Answer::Bytes(bytes),
        Puppet::Number(number) => Answer::Number(number),
        Puppet::Flood(bytes) => Answer::Bytes(vec![7; bytes]),
        Puppet::Pid => Answer::Number(std::process::id().into()),
        Puppet::Spin(micros) => {
            spin(Duration::from_micros(micros));
            Answer::Nothing
        }
        Puppet::Sleep(millis) => {
            std::thread::sleep(Duration::from_millis(millis));
            Answer::Nothing
        }
        Puppet::Mark(path, next) => {
            mark(&path);
            play(*next, context)
        }
        Puppet::Meet(here, there) => {
            mark(&here);
            while !std::path::Path::new(&there).exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Answer::Nothing
        }
        Puppet::Print(text) => {
            print(&text);
            Answer::Nothing
        }
        Puppet::Grandchild => Answer::Number(grandchild()),
        Puppet::Fork(times, next) => {
            for _ in 0..times {
                tests::fork();
            }
            play(*next, context)
        }
        Puppet::ForkAndExit => {
            if tests::fork() == 0 {
                std::process::exit(0);
            }
            Answer::Nothing
        }
        Puppet::Become(user, next) => {
            tests::become_user(user);
            play(*next, context)
        }
        Puppet::Unencodable => Answer::Unencodable,
        Puppet::Count => Answer::Number(context.state().count),
        Puppet::Argument => Answer::Text(context.state().argument.clone()),
        Puppet::Variable(name) => Answer::Text(std::env::var(name).unwrap_or_default()),
        Puppet::Lane => Answer::Number(context.lane() as u64),
        Puppet::Log(text, next) => {
            tracing::info_span!("puppet").in_scope(|| tracing::warn!(number = 7, "{text}"));
            play(*next, context)
        }
        Puppet::Chatter(events, next) => {
            for event in 0..events {
                tracing::info!(event, "chatter");
            }
            play(*next, context)
        }
        Puppet::Tally(number) => {
            let journal = context.state().journal.as_ref();
            journal.expect("a journal").count_start(number);
            spin(Duration::from_micros(5));
            Answer::Number(number)
        }
        Puppet::Fail => Answer::Failure,
        Puppet::Undecodable => Answer::Undecodable(1),
        Puppet::Nested => nested(),
        Puppet::Swell(bytes) => swell(bytes),
        Puppet::Seize(bytes) => Answer::Number(std::hint::black_box(vec![1_u8; bytes]).len() as u64),
        Puppet::Hoard(bytes) => {
            context.state().hoard.push(vec![1; bytes]);
            Answer::Number(std::process::id().into())
        }
        Puppet::Carry(bytes) => Answer::Carried(bytes),
        Puppet::Slice(bytes, from, to) => Answer::Carried(bytes.slice(from..to)),
        Puppet::Gather(mut all) => {
            all.reverse();
            all.push(vec![7; 70_000].into());
            Answer::Gathered(all)
        }
        Puppet::Keep(bytes) => {
            let kept = &mut context.state().kept;
            kept.push(bytes);
            Answer::Number(kept.len() as u64)
        }
        Puppet::Kept(index) => Answer::Carried(context.state().kept[index].clone()),
        Puppet::Bear(bytes, next) => {
            let answer = play(*next, context);
            drop(bytes);
            answer
        }
        Puppet::Panic(message) => panic!("{message}"),
        Puppet::Unsendable | Puppet::PanicsInDecoding(_) => unreachable!("it never arrives"),
        deadly => die(&deadly),
    }
}

fn spin(time: Duration) {
    let end = std::time::Instant::now() + time;
    while std::time::Instant::now() < end {
        std::hint::spin_loop();
    }
}

fn nested() -> Answer {
    let program = std::env::current_exe().expect("this program");
    let pool = pool::Pool::<Puppet>::builder()
        .workers(1)
        .worker_program(program)
        .build();
    let pool = match pool {
        Ok(pool) => pool,
        Err(error) => return Answer::Text(error.to_string()),
    };
    pool.submit(Puppet::Number(8))
        .expect("accepted")
        .wait()
        .expect("an answer")
}

fn swell(bytes: usize) -> Answer {
    const STEP: usize = 1 << 20;
    let mut memory = Vec::new();
    for _ in 0..bytes / STEP {
        memory.push(std::hint::black_box(vec![1_u8; STEP]));
        std::thread::sleep(Duration::from_millis(1));
    }
    Answer::Number(memory.len() as u64)
}

fn die(how: &Puppet) -> Answer {
    match how {
        Puppet::Exit(code) => std::process::exit(*code),
        Puppet::Raise(number) => {
            let signal = rustix::process::Signal::from_named_raw(*number).expect("a signal");
            rustix::process::kill_process(rustix::process::getpid(), signal).expect("raised");
            std::thread::sleep(Duration::from_mins(1));
        }
        Puppet::Segfault => tests::crash(),
        Puppet::Abort => std::process::abort(),
        Puppet::Overflow => return Answer::Number(overflow(1)),
        Puppet::Stubborn => loop {
            std::hint::spin_loop();
        },
        other => unreachable!("{other:?} is not deadly"),
    }
    Answer::Nothing
}

#[expect(unconditional_recursion, reason = "this is how a stack overflows")]
fn overflow(depth: u64) -> u64 {
    let page = std::hint::black_box([depth; 512]);
    overflow(depth + 1) + page[7]
}

fn mark(path: &str) {
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path)
        .expect("a file to mark");
    file.write_all(b"x\n").expect("a mark");
}

fn print(text: &str) {
    let written = std::io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| std::io::stdout().flush());
    written
        .and_then(|()| std::io::stderr().write_all(text.as_bytes()))
        .expect("output is taken");
}

#[expect(clippy::zombie_processes, reason = "it is to outlive the job that started it")]
fn grandchild() -> u64 {
    let child = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .expect("sleep is there");
    child.id().into()
}
