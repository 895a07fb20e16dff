//! Which actions at the end of a topic still wait for a reply.

use std::collections::{BTreeMap, BTreeSet};

use vitals::record::action::{ActionLine, ActionRecord};

/// What has been read of each partition's end.
///
/// A bed's actions and their replies have one key and so one partition: what a partition does not answer up to its
/// end has not been answered.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// The actions of each partition whose end has not been reached, in order.
    open: BTreeMap<i32, Vec<ActionRecord>>,
    /// The partitions whose end has been reached: their actions are handled as they come.
    caught_up: BTreeSet<i32>,
}

impl Tail {
    /// Takes a line; gives the action that is to be handled at once.
    pub(super) fn handle_line(&mut self, partition: i32, line: ActionLine) -> Option<ActionRecord> {
        match line {
            ActionLine::Action(action) if self.caught_up.contains(&partition) => return Some(*action),
            ActionLine::Action(action) => self.open.entry(partition).or_default().push(*action),
            ActionLine::Reply(reply) => {
                self.open.entry(partition).or_default().retain(|it| it.id != reply.of);
            }
            ActionLine::Receipt(_) => {}
        }
        None
    }

    /// The end of a partition has been reached; gives what has no reply, in order.
    pub(super) fn handle_end(&mut self, partition: i32) -> Vec<ActionRecord> {
        self.caught_up.insert(partition);
        self.open.remove(&partition).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn action(id: &str) -> ActionLine {
        let action = json!({"type": "action", "schema": "vitals.actions.v1", "id": id, "bed": "b", "action": "reset", "actor": "board", "role": "nurse"});
        serde_json::from_value(action).unwrap()
    }

    fn reply(of: &str) -> ActionLine {
        let reply = json!({"type": "reply", "schema": "vitals.actions.v1", "of": of, "bed": "b", "agent": "a", "run": "r-1",
            "up_ms": 1, "outcome": "accepted"});
        serde_json::from_value(reply).unwrap()
    }

    fn ids(actions: impl IntoIterator<Item = ActionRecord>) -> Vec<String> {
        actions.into_iter().map(|it| it.id).collect()
    }

    #[test]
    fn only_what_has_no_reply_is_handled_after_a_start() {
        let mut tail = Tail::default();
        for line in [action("1"), action("2"), reply("1"), action("3"), reply("older than the tail")] {
            assert_eq!(tail.handle_line(0, line), None);
        }
        assert_eq!(tail.handle_line(1, action("4")), None);
        assert_eq!(ids(tail.handle_end(0)), ["2", "3"]);
        assert_eq!(ids(tail.handle_end(1)), ["4"]);
    }

    #[test]
    fn what_comes_later_is_handled_at_once() {
        let mut tail = Tail::default();
        assert!(tail.handle_end(0).is_empty());
        assert_eq!(ids(tail.handle_line(0, action("5"))), ["5"]);
        assert_eq!(tail.handle_line(0, reply("5")), None);
        assert!(tail.handle_end(0).is_empty());
        assert_eq!(tail.handle_line(1, action("6")), None, "another partition's end is not this one's");
    }
}
