//! Where the text goes: a table that is redrawn on a terminal, or one line after another into a pipe.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::seen::{Happening, Seen};
use super::view::{NOTICE, SIMULATED, Style};

/// What happened last, below the table.
const HAPPENINGS: usize = 12;
/// How often the table goes into a pipe, ms.
const ROW_EVERY_MS: u64 = 5000;
/// Home, no wrapping of long lines, no cursor; and the way back.
const ENTER: &str = "\u{1b}[2J\u{1b}[?7l\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?7h\u{1b}[?25h";

/// The screen.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    style: Style,
    happenings: VecDeque<Happening>,
    next_row_ms: u64,
}

impl Screen {
    /// Begins; `terminal` says that what is written can be written over.
    pub(super) fn begin(terminal: bool, colour: bool) -> io::Result<Self> {
        let it = Self {
            terminal,
            style: Style { colour: terminal && colour },
            happenings: VecDeque::new(),
            next_row_ms: 0,
        };
        if terminal {
            write(ENTER)?;
        } else {
            write(&format!("Wardline demo    {SIMULATED}\n{NOTICE}\n"))?;
        }
        Ok(it)
    }

    /// Tells what happened.
    pub(super) fn tell(&mut self, it: Happening) -> io::Result<()> {
        if !self.terminal {
            return write(&format!("{}\n", self.style.happening(&it)));
        }
        if self.happenings.len() == HAPPENINGS {
            self.happenings.pop_front();
        }
        self.happenings.push_back(it);
        Ok(())
    }

    /// Shows how things stand, where that is due.
    pub(super) fn refresh(&mut self, now_ms: u64, seen: &Seen, act: &str) -> io::Result<()> {
        if !self.terminal {
            if now_ms < self.next_row_ms {
                return Ok(());
            }
            self.next_row_ms = (now_ms / ROW_EVERY_MS + 1) * ROW_EVERY_MS;
            return write(&format!("{}\n", Style::row(now_ms, seen)));
        }
        let mut lines = self.style.table(now_ms, seen, act);
        lines.push(String::new());
        lines.extend(self.happenings.iter().map(|it| self.style.happening(it)));
        // Each line ends what an older, longer one has left.
        let text = lines.join("\u{1b}[K\n");
        write(&format!("\u{1b}[H{text}\u{1b}[K\n\u{1b}[J"))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.terminal {
            // Nobody left to tell if even this fails.
            let _ = write(LEAVE);
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
