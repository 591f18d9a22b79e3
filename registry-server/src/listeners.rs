//! Where Kafka clients come in, and where each listener tells its clients to come back to.
//!
//! A Kafka client keeps to the address the broker names, not to the one it dialled. So what a listener advertises must
//! lead its clients here, and where several roads lead here (a container's network and the host's, say) each has a
//! listener of its own: `--kafka-listen INTERNAL://0.0.0.0:9092,EXTERNAL://0.0.0.0:9094` with
//! `--kafka-advertised INTERNAL://broker:9092,EXTERNAL://localhost:9094`.
//!
//! Invariant: no listener advertises "every address", which leads nowhere.

use std::net::{IpAddr, SocketAddr};

use annals_broker::Advertised;
use tokio::net::TcpListener;

/// Most listeners: each is served by a task of its own.
const LISTENERS_MAX: usize = 16;

/// Why there is no listener, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address that another program listens on.
    #[error("port {port} is taken: something else listens on {address}")]
    PortTaken {
        /// As given.
        address: String,
        /// Its port.
        port: String,
        /// The flag that gave it.
        flag: &'static str,
    },
    /// Clients cannot be told to connect to every address.
    #[error("{listen} is every address of this machine, and clients must be told one to connect to")]
    NothingAdvertised {
        /// As given.
        listen: String,
    },
    /// The flags do not say what they should.
    #[error("{0}")]
    Malformed(String),
}

impl ListenError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            ListenError::PortTaken { flag, .. } => {
                format!("{flag} names another address; with port 0 a free port is taken")
            }
            ListenError::NothingAdvertised { .. } => {
                "say it with --kafka-advertised HOST:PORT, an address that leads your clients here, such as \
                 --kafka-advertised localhost:9092"
                    .to_owned()
            }
            ListenError::Malformed(_) => {
                "one listener: --kafka-listen 0.0.0.0:9092 --kafka-advertised broker.example:9092; several: \
                 --kafka-listen INTERNAL://0.0.0.0:9092,EXTERNAL://0.0.0.0:9094 \
                 --kafka-advertised INTERNAL://broker:9092,EXTERNAL://localhost:9094"
                    .to_owned()
            }
        }
    }
}

/// One listener as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaListener {
    /// Where it listens, `HOST:PORT`.
    listen: String,
    /// What its clients are told; `None` is the address it is bound to.
    advertised: Option<Advertised>,
}

/// A listener that is bound.
pub(crate) struct Bound {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) advertised: Advertised,
}

impl KafkaListener {
    /// Reads `--kafka-listen` and `--kafka-advertised`.
    ///
    /// # Errors
    /// [`ListenError::Malformed`]: an address without a port, several listeners without names, a name given twice, or
    /// advertised and not listened on.
    pub fn parse(listen: &str, advertised: Option<&str>) -> Result<Vec<KafkaListener>, ListenError> {
        let listens = entries(listen, "--kafka-listen")?;
        let mut told = match advertised {
            Some(text) => entries(text, "--kafka-advertised")?,
            None => Vec::new(),
        };
        let mut listeners = Vec::new();
        for (name, address) in listens {
            let place = told.iter().position(|(other, _)| *other == name);
            let advertised = place.map(|place| told.swap_remove(place).1);
            listeners.push(KafkaListener {
                listen: address.to_owned(),
                advertised: advertised.map(advertise).transpose()?,
            });
        }
        match told.first() {
            None => Ok(listeners),
            Some((name, address)) => Err(malformed(match name {
                Some(name) => {
                    format!("--kafka-advertised names the listener {name}, --kafka-listen does not")
                }
                None => format!("--kafka-advertised {address} does not say which listener it is for"),
            })),
        }
    }

    /// Binds the listener.
    ///
    /// # Errors
    /// [`ListenError::PortTaken`], [`ListenError::NothingAdvertised`], or what the system said.
    pub(crate) async fn bind(&self) -> anyhow::Result<Bound> {
        let listener = bind(&self.listen, "--kafka-listen").await?;
        let address = listener.local_addr()?;
        let advertised = match &self.advertised {
            Some(advertised) => advertised.clone(),
            None if is_unspecified(address.ip()) => {
                let listen = self.listen.clone();
                return Err(ListenError::NothingAdvertised { listen }.into());
            }
            None => Advertised {
                host: address.ip().to_string(),
                port: 0,
            },
        };
        let port = match advertised.port {
            0 => address.port(),
            port => port,
        };
        Ok(Bound {
            listener,
            address,
            advertised: Advertised { port, ..advertised },
        })
    }
}

impl Bound {
    /// `HOST:PORT` as clients are told.
    pub(crate) fn told(&self) -> String {
        let Advertised { host, port } = &self.advertised;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }
}

/// Binds an address that a flag gave.
pub(crate) async fn bind(address: &str, flag: &'static str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            let port = address.rsplit(':').next().unwrap_or(address).to_owned();
            return ListenError::PortTaken {
                address: address.to_owned(),
                port,
                flag,
            }
            .into();
        }
        anyhow::Error::new(error).context(format!("cannot listen on {address} ({flag})"))
    })
}

/// `HOST:PORT` or `NAME://HOST:PORT,…` as names and addresses.
fn entries<'a>(text: &'a str, flag: &str) -> Result<Vec<(Option<&'a str>, &'a str)>, ListenError> {
    let entries: Vec<(Option<&str>, &str)> = text
        .split(',')
        .map(|entry| match entry.trim().split_once("://") {
            Some((name, address)) => (Some(name), address),
            None => (None, entry.trim()),
        })
        .collect();
    if entries.len() > LISTENERS_MAX {
        return Err(malformed(format!(
            "{flag} has more than {LISTENERS_MAX} listeners"
        )));
    }
    for (index, (name, address)) in entries.iter().enumerate() {
        host_and_port(address).ok_or_else(|| malformed(format!("{flag}: '{address}' is no HOST:PORT")))?;
        let plain =
            |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if entries.len() > 1 && name.is_none() {
            return Err(malformed(format!(
                "{flag}: of several listeners each has a name, as in INTERNAL://{address}"
            )));
        }
        if let Some(name) = name.filter(|name| !plain(name)) {
            return Err(malformed(format!(
                "{flag}: '{name}' is no name of a listener: letters, digits and _ are"
            )));
        }
        if entries[..index].iter().any(|(earlier, _)| earlier == name) {
            let name = name.unwrap_or_default();
            return Err(malformed(format!("{flag} names the listener {name} twice")));
        }
    }
    Ok(entries)
}

fn advertise(address: &str) -> Result<Advertised, ListenError> {
    let told = host_and_port(address).filter(|(host, _)| !host.is_empty() && !is_every_address(host));
    let (host, port) =
        told.ok_or_else(|| malformed(format!("--kafka-advertised: '{address}' leads clients nowhere")))?;
    let host = host.to_owned();
    Ok(Advertised { host, port })
}

/// Whether an address is "every address", also as IPv6 writes that of IPv4.
fn is_unspecified(address: IpAddr) -> bool {
    address.to_canonical().is_unspecified()
}

/// Whether a host is "every address", however it is written: resolvers also take one to four numbers, which may be
/// hexadecimal or octal, and an IPv6 address with its zone.
fn is_every_address(host: &str) -> bool {
    let zero = |number: &str| {
        let digits = number.strip_prefix("0x").or(number.strip_prefix("0X"));
        let digits = digits.unwrap_or(number);
        !digits.is_empty() && digits.bytes().all(|digit| digit == b'0')
    };
    let without_zone = host.split('%').next().unwrap_or(host);
    without_zone.parse().is_ok_and(is_unspecified)
        || (host.split('.').count() <= 4 && host.split('.').all(zero))
}

/// The parts of `HOST:PORT`, an IPv6 address without its brackets.
fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains([':', '/']) => return None,
        None => host,
    };
    Some((host, port.parse().ok()?))
}

fn malformed(sentence: String) -> ListenError {
    ListenError::Malformed(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is listened on and advertised, a listener a line; or the error.
    fn read(listen: &str, advertised: Option<&str>) -> String {
        let line = |listener: &KafkaListener| match &listener.advertised {
            Some(Advertised { host, port }) => format!("{} as {host} {port}", listener.listen),
            None => listener.listen.clone(),
        };
        match KafkaListener::parse(listen, advertised) {
            Ok(listeners) => listeners.iter().map(line).collect::<Vec<_>>().join(", "),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_bind_to_every_address_needs_one_to_tell() {
        for listen in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0", "0:0"] {
            let bind = async |advertised| KafkaListener::parse(listen, advertised).unwrap()[0].bind().await;
            match bind(None).await {
                Ok(bound) => panic!("{listen} told clients {}", bound.told()),
                Err(error) => match error.downcast::<ListenError>() {
                    Ok(refused) => assert!(
                        refused.help().contains("--kafka-advertised HOST:PORT"),
                        "{listen}"
                    ),
                    // A machine without IPv6 listens nowhere.
                    Err(error) => assert!(error.to_string().contains("cannot listen on ["), "{error}"),
                },
            }
        }
    }

    #[test]
    fn no_spelling_of_every_address_is_advertised() {
        for host in [
            "0.0.0.0",
            "0",
            "000.0.0.0",
            "0.0",
            "0.00.0",
            "0x0",
            "0X00.0",
            "00",
            "[::]",
            "[0::0]",
            "[::ffff:0.0.0.0]",
            "[::ffff:0:0]",
            "[::%1]",
        ] {
            let told = format!("{host}:9092");
            assert_eq!(
                read("h:1", Some(&told)),
                format!("--kafka-advertised: '{told}' leads clients nowhere")
            );
        }
        for host in [
            "0.0.0.1",
            "0a",
            "0.example",
            "0x0a",
            "x",
            "1",
            "[::1]",
            "0.0.0.0.0",
        ] {
            assert!(
                read("h:1", Some(&format!("{host}:9"))).starts_with("h:1 as "),
                "{host}"
            );
        }
    }

    #[test]
    fn listeners_are_read_with_what_they_advertise() {
        for (listen, advertised, expected) in [
            ("127.0.0.1:9092", None, "127.0.0.1:9092"),
            (
                "0.0.0.0:9092",
                Some("kafka.example:9092"),
                "0.0.0.0:9092 as kafka.example 9092",
            ),
            ("[::]:9092", Some("[fe80::1]:9"), "[::]:9092 as fe80::1 9"),
            ("A://0.0.0.0:1", Some("A://a:0"), "0.0.0.0:1 as a 0"),
            (
                "A://h:1,B://h:2",
                Some("B://b:2,A://a:1"),
                "h:1 as a 1, h:2 as b 2",
            ),
            ("A://h:1, B://h:2", Some("B://b:2"), "h:1, h:2 as b 2"),
            ("9092", None, "--kafka-listen: '9092' is no HOST:PORT"),
            ("::1:9092", None, "--kafka-listen: '::1:9092' is no HOST:PORT"),
            (
                "h:1,h:2",
                None,
                "--kafka-listen: of several listeners each has a name, as in INTERNAL://h:1",
            ),
            (
                "A://h:1,A://h:2",
                None,
                "--kafka-listen names the listener A twice",
            ),
            (
                "A-B://h:1",
                None,
                "--kafka-listen: 'A-B' is no name of a listener: letters, digits and _ are",
            ),
            ("h:1", Some("h"), "--kafka-advertised: 'h' is no HOST:PORT"),
            (
                "h:1",
                Some("0.0.0.0:1"),
                "--kafka-advertised: '0.0.0.0:1' leads clients nowhere",
            ),
            (
                "h:1",
                Some(":1"),
                "--kafka-advertised: ':1' leads clients nowhere",
            ),
            (
                "h:1",
                Some("[::]:1"),
                "--kafka-advertised: '[::]:1' leads clients nowhere",
            ),
            (
                "A://h:1",
                Some("B://h:1"),
                "--kafka-advertised names the listener B, --kafka-listen does not",
            ),
            (
                "A://h:1",
                Some("h:1"),
                "--kafka-advertised h:1 does not say which listener it is for",
            ),
        ] {
            assert_eq!(read(listen, advertised), expected, "{listen} {advertised:?}");
        }
    }
}
