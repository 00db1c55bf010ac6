//! Users buy tickets from a JSON file, each in its own process: with a lock, no ticket is sold twice.
//!
//! In Python: `with lock: buy()`, the file being read, looked at, and written anew. Without the lock users read the same
//! number of tickets, each sells itself one, and writes the same number back.
//!
//! `cargo run --release -p examples --example tickets -- --tickets 5 --users 10`, and the same with `--no-lock`

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]

use std::{error::Error, fs, path::PathBuf, thread, time::Duration};

use clap::Parser;
use pool::{Lock, Process, sync::LockError};
use serde::{Deserialize, Serialize};

/// Users buy tickets from a JSON file, each in its own process.
#[derive(Debug, Parser)]
struct Arguments {
    /// Number of tickets.
    #[arg(long, default_value_t = 5)]
    tickets: u32,
    /// Number of users.
    #[arg(long, default_value_t = 10)]
    users: u32,
    /// Number of tickets that each user wants.
    #[arg(long, default_value_t = 1)]
    each: u32,
    /// Buy without the lock.
    #[arg(long)]
    no_lock: bool,
    /// The JSON file. Default: a temporary file.
    #[arg(long)]
    file: Option<PathBuf>,
}

/// The contents of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Stock {
    tickets: u32,
}

fn read(file: &str) -> Result<Stock, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{file} holds {text:?}: {error}"))
}

fn write(file: &str, stock: &Stock) -> Result<(), String> {
    let text = serde_json::to_string(stock).map_err(|error| error.to_string())?;
    fs::write(file, text).map_err(|error| format!("{file}: {error}"))
}

/// Buys one ticket, if there is one. Only one user may do this at a time.
fn buy(file: &str) -> Result<bool, String> {
    let stock = read(file)?;
    if stock.tickets == 0 {
        return Ok(false);
    }
    // The user pays.
    thread::sleep(Duration::from_millis(5));
    write(
        file,
        &Stock {
            tickets: stock.tickets - 1,
        },
    )?;
    Ok(true)
}

/// One user, in its own process: returns how many tickets it bought.
fn user(file: String, lock: Option<Lock>, wanted: u32) -> Result<u32, String> {
    let name = Process::current_name();
    let mut bought = 0;
    for _ in 0..wanted {
        let locked = lock.as_ref().map(Lock::lock).transpose();
        let _guard = locked.map_err(|error| LockError::without_guard(error).to_string())?;
        if !buy(&file)? {
            println!("{name}: sold out");
            break;
        }
        bought += 1;
        println!("{name}: bought a ticket");
    }
    Ok(bought)
}

/// Lets all users buy; returns how many tickets were sold.
fn sell(arguments: &Arguments, file: &str) -> Result<u32, Box<dyn Error>> {
    let lock = Lock::new()?;
    let mut users = Vec::new();
    for number in 1..=arguments.users {
        let lock = (!arguments.no_lock).then(|| lock.clone());
        let process = Process::new(user, (file.to_owned(), lock, arguments.each));
        users.push(process.name(format!("user {number}")).start()?);
    }
    let mut sold = 0;
    for user in users {
        let name = user.name().to_owned();
        match user.join()? {
            Ok(bought) => sold += bought,
            // Without the lock a user may find the file while another one writes it.
            Err(error) => println!("{name}: {error}"),
        }
    }
    Ok(sold)
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = arguments
        .file
        .clone()
        .unwrap_or_else(|| folder.path().join("tickets.json"));
    let file = file.to_str().ok_or("the file's path is not UTF-8")?;
    write(
        file,
        &Stock {
            tickets: arguments.tickets,
        },
    )?;
    let sold = sell(arguments, file)?;
    println!("sold {sold}, left {}", read(file)?.tickets);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    pool::main(|| run(&Arguments::parse()))
}
