//! Methods of sources that differ in a name and a type alone, a row each.

/// Values that are read where the bytes are as the reader's own schema has them.
macro_rules! as_they_are {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {$(
        $(#[$doc])*
        #[inline]
        fn $name(&mut self) -> Result<$kind> {
            Reader::$name(self.exact()?)
        }
    )*};
}

/// Times, which are counts of something.
macro_rules! counted {
    ($($(#[$doc:meta])* $name:ident: $kind:ident = $count:ident, $make:expr;)*) => {$(
        $(#[$doc])*
        #[inline]
        fn $name<T: $kind>(&mut self) -> Result<T> {
            self.as_logical(Self::$count, $make)
        }
    )*};
}
