//! Which known word somebody meant who wrote another.

/// The known word that was probably meant: at most two edits away, and at most half of the word.
pub(in crate::config) fn alike<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|it| (edits(word, it), it))
        .filter(|(edits, _)| *edits <= 2 && edits * 2 <= word.chars().count())
        .min()
        .map(|(_, it)| it)
}

/// How many letters must be changed, added or taken to make one word of the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (above, other) in row.iter_mut().skip(1).zip(&to) {
            let cost = (diagonal + usize::from(letter != *other)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let known = ["spo2", "state_dir", "period"];
        for (word, meant) in [
            ("spo", Some("spo2")),
            ("state_dri", Some("state_dir")),
            ("preiod", Some("period")),
            ("password", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(alike(word, known.into_iter()), meant, "{word}");
        }
    }
}
