//! A place in a file as a person looks for it: line and column, the line itself, and a mark under the place.

use std::fmt::Write as _;
use std::ops::Range;

use super::load::Problem;

/// The line and column, both from 1, of a byte; columns count characters.
#[must_use]
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |it| it.chars().count()) + 1;
    (line, column)
}

/// The line of a place with a mark under it.
#[must_use]
pub(super) fn excerpt(text: &str, span: &Range<usize>) -> String {
    let (number, column) = place(text, span.start);
    let line = text.lines().nth(number - 1).unwrap_or("");
    let rest = line.chars().count().saturating_sub(column - 1).max(1);
    let marked = text.get(span.clone()).map_or(1, |it| it.lines().next().map_or(1, |it| it.chars().count()));
    let marks = "^".repeat(marked.clamp(1, rest));
    // Tabs stay tabs, so that the mark stands under its place.
    let indent: String =
        line.chars().take(column - 1).map(|it| if it == '\t' { '\t' } else { ' ' }).collect();
    format!("{number:>4} | {line}\n     | {indent}{marks}")
}

/// A problem as a person reads it; `kind` is `error` or `warning`.
#[must_use]
pub fn problem(kind: &str, it: &Problem) -> String {
    let mut text = format!("{kind}: {}\n  --> {}:{}:{}\n", it.what, it.file.display(), it.line, it.column);
    let _ = writeln!(text, "{}", it.excerpt);
    if let Some(fix) = &it.fix {
        let _ = writeln!(text, "     = {fix}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_the_place() {
        let text = "a = 1\n\tbéd = \"x\"\n";
        let span = text.find("\"x\"").unwrap();
        assert_eq!(place(text, span), (2, 8));
        assert_eq!(excerpt(text, &(span..span + 3)), "   2 | \tbéd = \"x\"\n     | \t      ^^^");
        assert_eq!(place(text, 999), (3, 1));
    }
}
