//! One host of the list: `[user[:password]@]host[:port]`.

use std::net::Ipv6Addr;

use super::error::UrlError;
use super::percent;
use crate::secret::Secret;

/// One entry of the list of hosts, with what it says itself.
pub(super) struct Entry {
    pub(super) login: Option<(String, Secret)>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

pub(super) fn parse(text: &str, position: usize) -> Result<Entry, UrlError> {
    let (login, place) = match text.rsplit_once('@') {
        Some((login, place)) => (Some(parse_login(login, position)?), place),
        None => (None, text),
    };
    let (host, port) = split_port(place, position)?;
    let port = port.map(|digits| parse_port(digits, position)).transpose()?;
    Ok(Entry { login, host, port })
}

fn parse_login(text: &str, position: usize) -> Result<(String, Secret), UrlError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let user = percent::decode(user).ok_or(UrlError::Percent { part: "user" })?;
    let password = percent::decode(password).ok_or(UrlError::Percent { part: "password" })?;
    if user.is_empty() {
        return Err(UrlError::EmptyUser { position });
    }
    Ok((user, Secret::new(password)))
}

fn split_port(place: &str, position: usize) -> Result<(String, Option<&str>), UrlError> {
    if place.is_empty() || place.starts_with(':') {
        return Err(UrlError::EmptyHost { position });
    }
    if let Some(bracketed) = place.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']').ok_or(UrlError::Host { position })?;
        let address: Ipv6Addr = address.parse().map_err(|_| UrlError::Host { position })?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((address.to_string(), Some(port))),
            None if rest.is_empty() => Ok((address.to_string(), None)),
            None => Err(UrlError::Host { position }),
        };
    }
    let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_name || host.len() > 253 {
        return Err(UrlError::Host { position });
    }
    Ok((host.to_owned(), port))
}

fn parse_port(digits: &str, position: usize) -> Result<u16, UrlError> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match plain.then(|| digits.parse()) {
        Some(Ok(port)) if port != 0 => Ok(port),
        _ => Err(UrlError::Port { position }),
    }
}
