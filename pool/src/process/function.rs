//! References to functions, by which another process of the same program finds and calls them.
//!
//! Each function has an [`Entry`]: constant data that the compiler places in the program beside the code. A reference
//! holds the distance of the entry from a fixed address of the same file, the file's identity, and the name of the
//! function's type. The child checks all three, and the entry itself, before it calls anything. So no function needs to
//! be registered, and a function of another build is an error and not a wild jump.

#![expect(
    unsafe_code,
    reason = "finds a constant of this program by its address, and makes values of types that have no bytes"
)]

use std::{any::type_name, ptr};

use protocol::{Fault, child::panics, decode_argument, encode_argument};
use sync::HandlesInFlight;

use super::{
    Portable, StartError, Target,
    call::{FunctionReference, MAX_NAME_BYTES, Refusal},
    image::Image,
};

/// The first word of an entry; random, so that nothing else begins with it.
const MARK: usize = 0x9d3f_71c2_b5e8_064b;

/// The address from which distances are measured. Each entry points to it: this holds in a program that is loaded and
/// running, but not in a copy of the program's file that is merely mapped.
static ANCHOR: usize = MARK.rotate_left(32);

/// Decodes arguments, calls the function, and appends its encoded output; returns the handles in the output.
type Call = fn(&[u8], &mut Vec<u8>) -> Result<HandlesInFlight, Fault>;

/// One function with its types.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Entry {
    mark: usize,
    anchor: &'static usize,
    type_name: fn() -> &'static str,
    call: Call,
}

impl Entry {
    /// The entry of a function with arguments `A`.
    pub(crate) fn of<F: Target<A>, A: Portable>(_it_has_no_bytes: F) -> &'static Self {
        struct Of<F, A>(F, A);
        impl<F: Target<A>, A: Portable> Of<F, A> {
            const ENTRY: &'static Entry = &Entry {
                mark: MARK,
                anchor: &ANCHOR,
                type_name: type_name::<(F, A, F::Output)>,
                call: call::<F, A>,
            };
        }
        const { assert_captures_nothing::<F>() };
        Of::<F, A>::ENTRY
    }

    /// A reference to this function, for a child that runs the same file.
    pub(crate) fn reference(&'static self) -> Result<FunctionReference, StartError> {
        let image = Image::own(anchor()).map_err(StartError::NoImage)?;
        let address = ptr::from_ref(self).expose_provenance();
        if !image.holds(address, size_of::<Self>()) {
            return Err(StartError::OutsideProgram {
                function: (self.type_name)(),
                program: image.path.clone(),
            });
        }
        Ok(FunctionReference {
            image: image.identity,
            offset: address.wrapping_sub(anchor()).cast_signed() as i64,
            type_name: shortened((self.type_name)()).to_owned(),
        })
    }

    /// Finds the entry to which a parent's reference leads.
    pub(crate) fn find(reference: &FunctionReference) -> Result<&'static Self, Refusal> {
        let image = Image::own(anchor()).map_err(Refusal::Unusable)?;
        let function = &reference.type_name;
        if image.identity != reference.image {
            return Err(Refusal::FunctionNotFound(format!(
                "{} is another file, or another build, than the one that its parent runs, and need not have the \
                 function {function}",
                image.path.display()
            )));
        }
        // Wrapping, because the number is untrusted until the image is known to contain that address.
        let address = anchor().wrapping_add_signed(reference.offset as isize);
        let found = Self::at(address, image).filter(|entry| shortened((entry.type_name)()) == function);
        found.ok_or_else(|| {
            Refusal::FunctionNotFound(format!("no function {function} is where the parent has it"))
        })
    }

    /// The entry at `address`, if there is one.
    fn at(address: usize, image: &Image) -> Option<&'static Self> {
        if !address.is_multiple_of(align_of::<Self>()) || !image.holds(address, size_of::<Self>()) {
            return None;
        }
        let words = ptr::with_exposed_provenance::<[usize; 2]>(address);
        // SAFETY: aligned, and within memory of this program's own file that can be read and stays mapped, as was just
        // checked; any bytes are two words.
        let [mark, points_to] = unsafe { words.read_volatile() };
        if mark != MARK || points_to != anchor() {
            return None;
        }
        // SAFETY: as above. Behind this mark, with a pointer that the loader has set to the anchor of this very
        // program, there is only an `Entry` that the compiler made, which is constant and never freed.
        Some(unsafe { &*ptr::with_exposed_provenance::<Self>(address) })
    }

    /// Calls the function.
    pub(crate) fn call(&self, arguments: &[u8], output: &mut Vec<u8>) -> Result<HandlesInFlight, Fault> {
        (self.call)(arguments, output)
    }
}

fn anchor() -> usize {
    (&raw const ANCHOR).expose_provenance()
}

/// The beginning of a type's name, which can be of any length: enough to show and to compare.
fn shortened(type_name: &str) -> &str {
    &type_name[..type_name.floor_char_boundary(MAX_NAME_BYTES)]
}

fn call<F: Target<A>, A: Portable>(arguments: &[u8], output: &mut Vec<u8>) -> Result<HandlesInFlight, Fault> {
    let arguments = panics::catch(|| decode_argument::<A>(arguments))
        .map_err(|panicked| Fault::Undecodable(format!("their decoding panicked{panicked}")))?
        .map_err(|error| Fault::Undecodable(error.to_string()))?;
    let value = panics::catch_and_print(|| make::<F, A>().call(arguments)).map_err(Fault::Panicked)?;
    let (encoded, handles) = HandlesInFlight::collect(|| panics::catch(|| encode_argument(&value, output)));
    encoded
        .map_err(|panicked| Fault::Unencodable(format!("its encoding panicked{panicked}")))?
        .map_err(|error| Fault::Unencodable(error.to_string()))?;
    Ok(handles)
}

/// Makes a value of the function's type.
fn make<F: Target<A>, A: Portable>() -> F {
    const { assert_captures_nothing::<F>() };
    // SAFETY: `F` has no bytes, so every pointer to it that is aligned is valid to read. That a value of it exists is
    // certain: the parent, which runs the same code, was given one when it made the process (`Entry::of` takes it), and
    // `F: Copy + Send + 'static` allows any number of them in any thread at any time.
    unsafe { ptr::NonNull::<F>::dangling().read() }
}

/// Refuses, at compile time, functions that need more than their code.
const fn assert_captures_nothing<F>() {
    assert!(
        size_of::<F>() == 0,
        "a process runs a function, or a closure that captures nothing: pass what it needs among its arguments"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(number: u64) -> u64 {
        number * 2
    }

    #[expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]
    fn greet(name: String, times: u8) -> String {
        name.repeat(times.into())
    }

    fn entry<F: Target<A>, A: Portable>(function: F, _: &A) -> &'static Entry {
        Entry::of::<F, A>(function)
    }

    #[test]
    fn a_function_is_found_by_its_reference_and_called() {
        let reference = entry(greet, &(String::new(), 1)).reference().unwrap();
        assert!(reference.type_name.contains("greet"), "{}", reference.type_name);
        let mut arguments = Vec::new();
        encode_argument(&("ab", 3_u8), &mut arguments).unwrap();
        let mut output = Vec::new();
        let called = Entry::find(&reference).unwrap().call(&arguments, &mut output);
        assert!(called.unwrap().is_empty(), "no handles");
        assert_eq!(decode_argument::<String>(&output).unwrap(), "ababab");
    }

    #[test]
    fn a_closure_that_captures_nothing_is_one_too() {
        let reference = entry(|a: u8, b: u8| a + b, &(1, 2)).reference().unwrap();
        let mut output = Vec::new();
        let called = Entry::find(&reference).unwrap().call(&[40, 2], &mut output);
        assert!(called.unwrap().is_empty(), "no handles");
        assert_eq!(output, [42]);
    }

    #[test]
    fn a_function_of_another_build_is_refused() {
        let reference = entry(double, &(1,)).reference().unwrap();
        let mut other_file = reference.clone();
        other_file.image.inode += 1;
        let refused = |reference: &FunctionReference| match Entry::find(reference).unwrap_err() {
            Refusal::FunctionNotFound(text) => text,
            other @ Refusal::Unusable(_) => panic!("{other:?}"),
        };
        assert!(refused(&other_file).contains("another build"));
        let mut other_name = reference.clone();
        other_name.type_name = "double".into();
        assert!(refused(&other_name).contains("no function double"));
    }

    #[test]
    fn no_offset_leads_to_anything_but_an_entry() {
        let reference = entry(double, &(1,)).reference().unwrap();
        let near = (-4096..4096).map(|step| reference.offset + step);
        let wild = [i64::MIN, i64::MAX, 0, 1, -1, 1 << 46];
        for offset in near.chain(wild).filter(|offset| *offset != reference.offset) {
            let elsewhere = FunctionReference {
                offset,
                ..reference.clone()
            };
            assert!(Entry::find(&elsewhere).is_err(), "{offset}");
        }
    }

    #[test]
    fn faults_say_in_which_step_they_happened() {
        let fails = entry(|text: String| -> u64 { panic!("no {text}") }, &(String::new(),));
        panics::install_hook();
        let mut arguments = Vec::new();
        encode_argument(&("luck",), &mut arguments).unwrap();
        let fault = fails.call(&arguments, &mut Vec::new()).unwrap_err();
        assert!(
            matches!(&fault, Fault::Panicked(panicked) if panicked.message == "no luck"),
            "{fault}"
        );
        let fault = fails.call(&[9], &mut Vec::new()).unwrap_err();
        assert!(matches!(fault, Fault::Undecodable(_)), "{fault}");
    }
}
