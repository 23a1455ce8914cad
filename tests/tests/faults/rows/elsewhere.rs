//! What other tests of this repository show, in whole or in part. It is listed in the table and not run twice.

use std::path::Path;

/// A row, and the test that proves it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elsewhere {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// A file in `tests/tests`.
    file: &'static str,
    test: &'static str,
}

const fn row(id: &'static str, title: &'static str, file: &'static str, test: &'static str) -> Elsewhere {
    Elsewhere { id, title, file, test }
}

pub(crate) const ROWS: &[Elsewhere] = &[
    row(
        "item 5",
        "poison on classic queues",
        "rabbitmq/poison.rs",
        "a_poisonous_cast_is_put_away_from_a_classic_queue",
    ),
    row(
        "item 5",
        "poison on quorum queues",
        "rabbitmq/poison.rs",
        "a_poisonous_cast_is_put_away_from_a_quorum_queue",
    ),
    row("G9", "results above the limit", "rabbitmq/harm.rs", "ten_mebibytes_harm_nobody"),
    row("H1", "a wrong password", "rabbitmq/login.rs", "a_wrong_password_is_told"),
    row("H1", "a missing vhost", "rabbitmq/login.rs", "a_missing_vhost_is_told"),
    row(
        "H3",
        "an authority that nobody trusts",
        "rabbitmq/tls.rs",
        "rb_08_a_broker_with_a_certificate_of_a_trusted_authority_is_used",
    ),
    row(
        "H3",
        "a wrong host name, and no client certificate",
        "rabbitmq/tls.rs",
        "rb_10_12_13_the_name_of_the_host_is_checked_and_a_client_certificate_can_be_shown",
    ),
    row("H4", "one host of the list is bad", "rabbitmq/login.rs", "the_next_host_is_tried"),
    row(
        "H5",
        "URLs that are wrong",
        "rabbitmq/login.rs",
        "a_url_that_is_wrong_is_told_before_anything_is_tried",
    ),
    row(
        "N32",
        "the prefetch after a reconnect",
        "rabbitmq/agreed.rs",
        "rb_03_the_prefetch_is_the_same_after_a_reconnect",
    ),
    row("N36", "the first host of the list is dead", "rabbitmq/login.rs", "the_next_host_is_tried"),
];

impl Elsewhere {
    /// The path of the test, as a person looks for it.
    pub(crate) fn place(&self) -> String {
        format!("`tests/tests/{}`: `{}`", self.file, self.test)
    }

    /// Whether the test is there still.
    pub(crate) fn exists(&self) -> bool {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(self.file);
        std::fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("async fn {}(", self.test)))
    }
}
