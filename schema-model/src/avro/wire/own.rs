//! Bytes that are in the order of the reader's own schema: there is nothing to do between fields, and all is inlined.

use super::{Reader, Result, Sealed, Source};
use crate::avro::{Borrowed, Datum};

impl Sealed for Reader<'_> {}

impl<'a> Source<'a> for Reader<'a> {
    type Outer = ();
    type Item = ();

    #[inline]
    fn begin(&mut self) -> Result<()> {
        Ok(())
    }
    #[inline]
    fn field(&mut self) -> Result<&mut Self> {
        Ok(self)
    }
    #[inline]
    fn end(&mut self, (): ()) -> Result<()> {
        Ok(())
    }
    #[inline]
    fn begin_items(&mut self) -> Result<()> {
        Ok(())
    }
    #[inline]
    fn item(&mut self, (): ()) {}
    #[inline]
    fn reader(&mut self) -> &mut Reader<'a> {
        self
    }
    #[inline]
    fn exact(&mut self) -> Result<&mut Reader<'a>> {
        Ok(self)
    }
    #[inline]
    fn float(&mut self) -> Result<f32> {
        Reader::float(self)
    }
    #[inline]
    fn double(&mut self) -> Result<f64> {
        Reader::double(self)
    }
    #[inline]
    fn enum_index(&mut self, symbols: usize) -> Result<usize> {
        Reader::enum_index(self, symbols)
    }
    #[inline]
    fn branch(&mut self, branches: usize) -> Result<usize> {
        Reader::branch(self, branches)
    }
    #[inline]
    fn borrowed_into<T: Borrowed<'a>>(&mut self, into: &mut T) -> Result<()> {
        into.read(self)
    }
    #[inline]
    fn datum_into<T: Datum>(&mut self, into: &mut T) -> Result<()> {
        into.read(self)
    }
}
