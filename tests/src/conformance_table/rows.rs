//! The rows, as people write them.

use super::scan::is_row;

/// Rows that belong together.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

/// A behaviour of oslo.messaging.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) behaviour: String,
    pub(super) note: Option<Note>,
}

/// What has to be known about a row.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Note {
    /// What is done here instead, which the tests of the row show.
    Differs(String),
    /// Something about the tests of the row.
    Remark(String),
    /// Why there is no test.
    Without(String),
    /// What is missing yet; nothing once there are tests.
    Pending(String),
}

/// Reads `## TITLE`, and `ID | BEHAVIOUR` or `ID | BEHAVIOUR | KIND: TEXT` below it. Lines that begin with one `#` are for
/// who writes rows.
///
/// # Panics
///
/// On a line that is anything else, and on a row that is there twice.
pub(super) fn read(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section { title: title.to_owned(), rows: Vec::new() });
        } else if !line.starts_with('#') {
            let row = row(line).unwrap_or_else(|| panic!("not a row: {line}"));
            let is_there = sections.iter().flat_map(|section| &section.rows).any(|other| other.id == row.id);
            assert!(!is_there, "{} is there twice", row.id);
            sections.last_mut().unwrap_or_else(|| panic!("a row without a section: {line}")).rows.push(row);
        }
    }
    sections
}

fn row(line: &str) -> Option<Row> {
    let (id, rest) = line.split_once(" | ")?;
    let (behaviour, note) = rest.split_once(" | ").map_or((rest, None), |(left, right)| (left, Some(right)));
    let note = note.map(|note| {
        let (kind, text) = note.split_once(": ")?;
        let text = text.to_owned();
        match kind {
            "differs" => Some(Note::Differs(text)),
            "remark" => Some(Note::Remark(text)),
            "none" => Some(Note::Without(text)),
            "pending" => Some(Note::Pending(text)),
            _ => None,
        }
    });
    let note = match note {
        Some(note) => Some(note?),
        None => None,
    };
    is_row(id).then(|| Row { id: id.to_owned(), behaviour: behaviour.to_owned(), note })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_sections() {
        let sections = read("# for us\n\n## One\nAA-01 | a\nAA-02 | b | none: since: c\n## Two\nBB-01 | d");
        let rows: Vec<_> =
            sections.iter().map(|section| (section.title.as_str(), section.rows.len())).collect();
        assert_eq!(rows, [("One", 2), ("Two", 1)]);
        assert_eq!(sections[0].rows[1].note, Some(Note::Without("since: c".to_owned())));
    }

    #[test]
    fn what_is_no_row_is_told() {
        for text in [
            "AA-01 | a",
            "## S\nAA-1 | a",
            "## S\nAA-01",
            "## S\nAA-01 | a | what: b",
            "## S\nAA-01 | a\nAA-01 | b",
        ] {
            assert!(std::panic::catch_unwind(|| read(text)).is_err(), "{text}");
        }
    }
}
