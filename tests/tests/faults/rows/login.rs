//! H: credentials that change.

use std::time::Duration;

use tests::chaos::Words;

use super::{Needs, Row};
use crate::lane::{PASSWORD, USER};
use crate::scenario::mixed;
use crate::stage::{Side, Stage};

pub(super) const ROWS: &[Row] =
    &[Row::new("H2", "the password is changed while all runs, for 15 s", 70, revoked).on(Needs::FreshNode)];

/// It is said that the login failed, and tried rarely, until it is mended.
fn revoked(stage: &mut Stage<'_>) {
    // It is tried again each 30 s at the latest.
    stage.heal_limit = Duration::from_secs(33);
    stage.start_all();
    stage.under_load(&mixed().with("deadline", 3_000), |stage| {
        stage.fault("change_password and close_all_connections, for 15 s");
        stage.broker().ctl(&["change_password", USER, "another"]);
        stage.broker().ctl(&["close_all_connections", "--global", "for the test"]);
        let before = stage.proxy(Side::Client).connections_accepted().len();
        std::thread::sleep(Duration::from_secs(5));
        let seen = stage.entries().len();
        std::thread::sleep(Duration::from_secs(10));
        let made = stage.proxy(Side::Client).connections_accepted().len() - before;
        stage.expect(made <= 8, || format!("H2: {made} logins in 15 s with a password that is refused"));
        let refused: Vec<_> = stage.entries()[seen..]
            .iter()
            .filter(|entry| entry.event == "resolved" && entry.detail("outcome") != Some("ok"))
            .cloned()
            .collect();
        let sent = refused.iter().filter(|entry| entry.detail("executed") != Some("not_sent")).count();
        stage.expect(sent == 0, || format!("H2: {sent} of {} requests are not `not sent`", refused.len()));
        let denied = refused.iter().filter(|it| it.detail("outcome") == Some("permission_denied")).count();
        stage.expect(denied > 0, || {
            let text = refused.first().and_then(|it| it.detail("text")).unwrap_or_default().to_owned();
            format!("H2: no request says that the login was refused, but {text}")
        });
        stage.broker().ctl(&["change_password", USER, PASSWORD]);
        stage.lifted();
    });
    stage.process("client").ask(&Words::new("stop"));
}
