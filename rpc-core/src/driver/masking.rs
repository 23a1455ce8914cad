//! Hides what nobody should read in a log.

use crate::value::Value;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// What the names of secrets contain, in lower case and without `_` and `-`.
const SECRETS: [&str; 14] = [
    "password",
    "passwd",
    "pswd",
    "passphrase",
    "adminpass",
    "newpass",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
];

/// Replaces every value whose name looks like that of a secret, at any depth.
pub(crate) fn mask(value: &mut Value) {
    match value {
        Value::List(values) => values.iter_mut().for_each(mask),
        Value::Map(pairs) => {
            for (name, value) in pairs {
                if is_secret(name) && *value != Value::Null {
                    *value = MASK.into();
                } else {
                    mask(value);
                }
            }
        }
        _ => {}
    }
}

pub(crate) fn is_secret(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(|character| !matches!(character, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect();
    SECRETS.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for name in ["Authorization", "Set-Cookie", "AWS_ACCESS_KEY_ID", "new_pass", "db_pswd", "X-API-Key"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["author", "cook", "access", "bypass", "key"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        let mut value = Value::map([
            ("user", Value::from("ada")),
            ("adminPass", "x".into()),
            ("none", Value::List(vec![Value::map([("X-Auth-Token", 7)]), Value::map([("api_key", "x")])])),
            ("db_password", Value::map([("all", "of it")])),
            ("secret", Value::Null),
        ]);
        mask(&mut value);
        let expected = Value::map([
            ("user", Value::from("ada")),
            ("adminPass", MASK.into()),
            (
                "none",
                Value::List(vec![Value::map([("X-Auth-Token", MASK)]), Value::map([("api_key", MASK)])]),
            ),
            ("db_password", MASK.into()),
            ("secret", Value::Null),
        ]);
        assert_eq!(value, expected);
    }
}
