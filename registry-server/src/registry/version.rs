//! The version a client asks for.

use super::RegistryError;

/// A version as written in a path: a number, or the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSpec {
    /// `latest` or `-1`.
    Latest,
    /// A number from 1 to 2^31-1.
    Number(u32),
}

impl VersionSpec {
    /// Reads a version from a path.
    ///
    /// # Errors
    /// [`RegistryError::InvalidVersion`].
    pub fn parse(text: &str) -> Result<VersionSpec, RegistryError> {
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("latest") {
            return Ok(VersionSpec::Latest);
        }
        match trimmed.parse::<i32>() {
            Ok(-1) => Ok(VersionSpec::Latest),
            Ok(number @ 1..) => Ok(VersionSpec::Number(number.unsigned_abs())),
            _ => Err(RegistryError::InvalidVersion(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let check = |text: &str, wanted: Option<VersionSpec>| {
            assert_eq!(VersionSpec::parse(text).ok(), wanted, "{text:?}");
        };
        check("latest", Some(VersionSpec::Latest));
        check(" LATEST ", Some(VersionSpec::Latest));
        check("-1", Some(VersionSpec::Latest));
        check("1", Some(VersionSpec::Number(1)));
        check("2147483647", Some(VersionSpec::Number(2_147_483_647)));
        for bad in ["0", "-2", "2147483648", "", "v1", "1.0", "99999999999999999999"] {
            check(bad, None);
        }
    }
}
