//! What was promised, and what came of it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use crate::{
    PROMPT,
    test_bed::{LastLines, TestBed},
    victim::filling,
};

/// The sums of a run.
#[derive(Debug, Default)]
pub(crate) struct Account {
    seed: u64,
    pub(crate) kills: u64,
    pub(crate) stuck: u64,
    pub(crate) permits_lost: u64,
    pub(crate) leaked: u64,
    torn: u64,
    undetected: u64,
    shared: u64,
    deaths_told: u64,
    late: u64,
    longest_wait: Duration,
    puts: u64,
    gets: u64,
    duplicated: u64,
    out_of_order: u64,
    unexplained: u64,
    lost: u64,
    /// By producer: how many it said it had put.
    put: HashMap<u64, u64>,
    got: HashSet<(u64, u64)>,
}

impl Account {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// How long the lock was waited for after a kill.
    pub(crate) fn waited(&mut self, wait: Duration) {
        self.longest_wait = self.longest_wait.max(wait);
        self.late += u64::from(wait > PROMPT);
    }

    /// Who was inside when the lock was acquired, and whether a death was told with it.
    pub(crate) fn saw(&mut self, is_told: bool, inside: u64) {
        self.deaths_told += u64::from(is_told);
        self.undetected += u64::from(inside != 0 && !is_told);
    }

    /// Accounts for what a killed process had reported.
    pub(crate) fn book(&mut self, testament: &LastLines) {
        self.put.entry(testament.seed).or_default();
        let mut last = HashMap::new();
        for line in &testament.lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["put", _] => {
                    self.puts += 1;
                    *self.put.entry(testament.seed).or_default() += 1;
                }
                ["got", producer, number] => {
                    let (producer, number) =
                        (producer.parse().unwrap_or(0), number.parse().unwrap_or(u64::MAX));
                    self.receive(producer, number);
                    let before = last.insert(producer, number);
                    self.out_of_order += u64::from(before.is_some_and(|before| before >= number));
                }
                ["torn", ..] => self.torn += 1,
                ["untold", ..] => self.undetected += 1,
                _ => self.shared += 1,
            }
            if !line.starts_with("put") && !line.starts_with("got") {
                eprintln!("{}: {line}", testament.seed);
            }
        }
    }

    fn receive(&mut self, producer: u64, number: u64) {
        self.gets += 1;
        self.duplicated += u64::from(!self.got.insert((producer, number)));
    }

    /// Takes what is left in the queue, and compares what was put with what was got.
    pub(crate) fn balance(&mut self, test_bed: &TestBed) {
        while let Ok(item) = test_bed.queue.try_get() {
            self.torn += u64::from(item.filling != filling(item.producer, item.number));
            self.receive(item.producer, item.number);
        }
        // A process killed between a put and its saying so has put one more than it said.
        let unexplained =
            |(producer, number): &&(u64, u64)| self.put.get(producer).is_none_or(|put| number > put);
        self.unexplained = self.got.iter().filter(unexplained).count() as u64;
        let all = self
            .put
            .iter()
            .flat_map(|(producer, put)| (0..*put).map(|number| (*producer, number)));
        self.lost = all.filter(|item| !self.got.contains(item)).count() as u64;
        let pair = test_bed.pair.lock().map(|pair| *pair);
        let pair = pair.unwrap_or_else(|error| error.into_guard().map_or([0, 1], |pair| *pair));
        self.torn += u64::from(pair[0] != pair[1]);
    }

    /// Whether every promise was kept. Each killed process may have taken one item with it.
    pub(crate) fn is_clean(&self) -> bool {
        let broken = self.stuck
            + self.torn
            + self.undetected
            + self.shared
            + self.duplicated
            + self.out_of_order
            + self.unexplained
            + self.permits_lost
            + self.leaked;
        broken == 0 && self.lost <= self.kills + 4
    }

    pub(crate) fn json(&self) -> String {
        let Self {
            seed,
            kills,
            stuck,
            permits_lost,
            leaked,
            torn,
            undetected,
            shared,
            deaths_told,
            late,
            puts,
            gets,
            duplicated,
            out_of_order,
            unexplained,
            lost,
            ..
        } = self;
        let longest_ms = self.longest_wait.as_millis();
        format!(
            "{{\"seed\":{seed},\"kills\":{kills},\"stuck\":{stuck},\"torn\":{torn},\"undetected\":{undetected},\
             \"two_in_one_lock\":{shared},\"duplicated\":{duplicated},\"out_of_order\":{out_of_order},\
             \"unexplained\":{unexplained},\"permits_lost\":{permits_lost},\"leaked\":{leaked},\"deaths_told\":{deaths_told},\
             \"puts\":{puts},\"gets\":{gets},\"taken_by_the_dead\":{lost},\"waits_over_100_ms\":{late},\
             \"longest_wait_ms\":{longest_ms},\"clean\":{}}}",
            self.is_clean()
        )
    }
}
