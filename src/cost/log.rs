//! Output of a board: what ESP-DL's `test` and `profile` print (`dl_model_base.cpp`), as `idf.py monitor` shows it.

use serde::Serialize;

/// Figures that a board printed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BoardLog {
    /// Result of the last `Model::test()`; `None` if the log has none.
    pub test: Option<Test>,
    /// Rows of "memory summary".
    pub memory: Vec<MemoryRow>,
    /// Rows of "module summary" in the order of the log, without the total.
    pub modules: Vec<Module>,
    /// Sum of the modules' latencies as the board printed it.
    pub total: Option<Latency>,
    /// Times of whole runs in microseconds, which the program of `espq export --project` prints.
    pub runs: Vec<f64>,
    /// Lines with an error of ESP-DL or ESP-IDF.
    pub errors: Vec<String>,
}

/// Result of `Model::test()`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// All outputs equal those in the file.
    Passed,
    /// Output that differs; empty if the log does not name it.
    Failed(String),
}

/// Row of "memory summary": bytes, from KB with two decimals.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryRow {
    /// "variable", "parameter_copy".
    pub name: String,
    /// Bytes of internal RAM.
    pub internal: f64,
    /// Bytes of PSRAM.
    pub psram: f64,
    /// Bytes of flash.
    pub flash: f64,
}

/// Row of "module summary".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Module {
    /// Name of the node.
    pub name: String,
    /// Operator.
    pub op: String,
    /// Measured latency.
    pub latency: Latency,
}

/// Measured latency, in the unit in which ESP-DL was built to print it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Latency {
    /// Microseconds.
    Us(f64),
    /// Cycles of the CPU.
    Cycles(f64),
}

impl Latency {
    /// Returns microseconds at a clock in MHz.
    pub fn microseconds(self, clock_mhz: f64) -> f64 {
        match self {
            Latency::Us(us) => us,
            Latency::Cycles(cycles) => cycles / clock_mhz,
        }
    }

    fn parse(text: &str) -> Option<Latency> {
        if let Some(us) = text.strip_suffix("us") {
            return us.parse().ok().map(Latency::Us);
        }
        text.strip_suffix("cycle")?.parse().ok().map(Latency::Cycles)
    }
}

impl BoardLog {
    /// Reads a log. A board that was reset prints its tables again: the last complete ones count.
    pub fn parse(text: &str) -> BoardLog {
        let mut log = BoardLog::default();
        let mut failing = String::new();
        for line in text.lines() {
            let line = plain(line);
            let line = line.trim_end();
            if line.contains("| name ") && line.contains("| latency") {
                (log.modules, log.total) = (Vec::new(), None);
            } else if line.contains("| internal RAM") {
                log.memory = Vec::new();
            } else if let Some(cells) = cells(line) {
                log.row(&cells);
            } else if let Some((_, name)) = line.split_once("Testing output ") {
                failing = name.trim_end_matches('.').to_string();
            } else if line.contains("Test Pass!") {
                log.test = Some(Test::Passed);
            } else if let Some((_, rest)) = line.split_once("Test output ") {
                let name = rest.split(" does not match").next().unwrap_or(&failing);
                log.test = Some(Test::Failed(name.to_string()));
            } else if let Some((_, rest)) = line.split_once("espq: run ") {
                log.runs.extend(rest.split(" us").next().and_then(|us| us.trim().parse::<f64>().ok()));
            }
            if is_error(line) {
                log.errors.push(message(line).to_string());
            }
        }
        log
    }

    fn row(&mut self, cells: &[&str]) {
        if let [name @ .., op, last] = cells
            && let Some(latency) = Latency::parse(last)
        {
            match name.join(" | ").as_str() {
                "total" if op.is_empty() => self.total = Some(latency),
                "" => {}
                name => self.modules.push(Module { name: name.to_string(), op: (*op).to_string(), latency }),
            }
        } else if let [name, sizes @ ..] = cells
            && let [Some(internal), Some(psram), Some(flash)] =
                sizes.iter().map(|cell| kilobytes(cell)).collect::<Vec<_>>()[..]
        {
            let name = name.trim_start_matches("--").trim().to_string();
            self.memory.push(MemoryRow { name, internal, psram, flash });
        }
    }

    /// Returns a row of the memory summary.
    pub fn memory_of(&self, name: &str) -> Option<&MemoryRow> {
        self.memory.iter().find(|row| row.name == name)
    }
}

/// Removes the colours of a terminal.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => _ = letters.find(char::is_ascii_alphabetic),
            letter => text.push(letter),
        }
    }
    text
}

/// Returns the cells of a table's row.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line[line.find("| ")?..].strip_suffix('|')?;
    Some(inner[1..].split(" | ").map(str::trim).collect())
}

/// Bytes of "12.34KB"; an empty cell is 0.
fn kilobytes(cell: &str) -> Option<f64> {
    match cell.trim_start_matches("--").trim() {
        "" => Some(0.0),
        text => text.strip_suffix("KB")?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0),
    }
}

/// Lines of ESP-IDF's log with the level E, panics and asserts.
fn is_error(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("E (")
        || ["Guru Meditation Error", "assert failed", "abort() was called", "ESP_ERROR_CHECK failed"]
            .iter()
            .any(|fault| line.contains(fault))
}

fn message(line: &str) -> &str {
    line.split_once(") ").map_or(line, |(_, rest)| rest).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
I (1054) main_task: Calling app_main()
\u{1b}[0;32mI (1100) dl::Model: Testing output output.\u{1b}[0m
\u{1b}[0;32mI (1102) dl::Model: Test Pass!\u{1b}[0m
I (1110) dl::Model: model:main_graph, version:0
I (1111) dl::Model: +----------------+--------------+-------------+-------------+
I (1111) dl::Model: |                    memory summary                         |
I (1111) dl::Model: |                | internal RAM | PSRAM       | FLASH       |
I (1112) dl::Model: | fbs_model      |              |             | 22.36KB     |
I (1112) dl::Model: |  -- parameter  |              |  -- 4.05KB  |  -- 4.05KB  |
I (1112) dl::Model: | variable       |              | 3.58KB      |             |
I (1112) dl::Model: | total          | 30.10KB      | 7.70KB      | 22.36KB     |
I (1120) dl::Model: | name  | type    | latency |
I (1120) dl::Model: | /stem/stem.0/Conv | Conv    | 190us   |
I (1121) dl::Model: | a | b | Add     | 12us    |
I (1122) dl::Model: | total |         | 202us   |
espq: run 210 us
";

    #[test]
    fn tables_are_read_with_colours_and_prefixes() {
        let log = BoardLog::parse(LOG);
        assert_eq!(
            (log.test.clone(), log.total, log.runs.clone()),
            (Some(Test::Passed), Some(Latency::Us(202.0)), vec![210.0])
        );
        let names: Vec<&str> = log.modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["/stem/stem.0/Conv", "a | b"]);
        assert_eq!(log.memory.len(), 4);
        assert_eq!(log.memory_of("variable").unwrap().psram, 3.58 * 1024.0);
        assert_eq!(log.memory_of("parameter").unwrap().flash, 4.05 * 1024.0);
        assert!(log.errors.is_empty());
    }

    #[test]
    fn a_failed_test_names_its_output_and_errors_are_kept() {
        let text = "I (1) dl::Model: Testing output boxes.\nE (2) dl::Model: Test output boxes does not match\n";
        let log = BoardLog::parse(text);
        assert_eq!(log.test, Some(Test::Failed("boxes".to_string())));
        assert_eq!(log.errors, ["dl::Model: Test output boxes does not match"]);
    }

    #[test]
    fn the_last_tables_count_and_other_text_is_ignored() {
        let twice = format!("{LOG}garbage | x |\n| | |\n\u{1b}[\n{}", LOG.replace("190us", "48000cycle"));
        let log = BoardLog::parse(&twice);
        assert_eq!(log.modules.len(), 2);
        assert_eq!(log.modules[0].latency.microseconds(240.0), 200.0);
    }
}
