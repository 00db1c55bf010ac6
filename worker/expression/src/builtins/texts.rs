//! `ascii bin chr hex oct ord repr str`.

use super::numbers::index;
use crate::budget::Budget;
use crate::error::{Result, overflow, type_error, unsupported, value_error};
use crate::object::Object;
use crate::object::arguments::CallArguments;
use crate::text::int_text::prefixed;
use crate::text::quote::Charset;
use crate::text::repr::text_of;

pub(super) fn repr(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    text_of(arguments.one()?, Charset::Printable, budget).map(Object::text)
}

pub(super) fn ascii(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    text_of(arguments.one()?, Charset::Ascii, budget).map(Object::text)
}

pub(super) fn str(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    if let Some((name, _)) = arguments.named().next() {
        return Err(unsupported(format!("str() with the keyword {name}")));
    }
    match arguments.positional() {
        [] => Ok(Object::text("")),
        [text @ Object::Str(_)] => Ok(text.clone()),
        [value] => text_of(value, Charset::Printable, budget).map(Object::text),
        [value, encoding, rest @ ..] => {
            for (argument, name) in [(Some(encoding), "encoding"), (rest.first(), "errors")] {
                if let Some(argument) = argument.filter(|argument| !matches!(argument, Object::Str(_))) {
                    let found = argument.type_name();
                    let found = if found == "NoneType" { "None" } else { found };
                    return Err(type_error(format!(
                        "str() argument '{name}' must be str, not {found}"
                    )));
                }
            }
            if rest.len() > 1 {
                return Err(arguments.too_many(3, rest.len() + 2));
            }
            if matches!(value, Object::Str(_)) {
                return Err(type_error("decoding str is not supported"));
            }
            let found = value.type_name();
            Err(type_error(format!(
                "decoding to str: need a bytes-like object, {found} found"
            )))
        }
    }
}

pub(super) fn bin(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    in_base(arguments, 2, budget)
}

pub(super) fn oct(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    in_base(arguments, 8, budget)
}

pub(super) fn hex(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    in_base(arguments, 16, budget)
}

fn in_base(arguments: &CallArguments<'_>, base: u32, budget: &mut Budget) -> Result<Object> {
    let value = index(arguments.one()?)?;
    // Converting digits costs more than copying bytes.
    budget.burn(value.bits() / 64)?;
    let text = prefixed(value, base);
    budget.text(text.len())?;
    Ok(Object::text(text))
}

pub(super) fn chr(arguments: &CallArguments<'_>, budget: &mut Budget) -> Result<Object> {
    let point = index(arguments.one()?)?
        .small()
        .and_then(|point| i32::try_from(point).ok());
    let Some(point) = point else {
        return Err(overflow("Python int too large to convert to C int"));
    };
    let character = match u32::try_from(point) {
        Ok(0xd800..=0xdfff) => return Err(unsupported("surrogates")),
        Ok(point) => char::from_u32(point),
        Err(_) => None,
    };
    let character = character.ok_or_else(|| value_error("chr() arg not in range(0x110000)"))?;
    Object::character(character, budget)
}

pub(super) fn ord(arguments: &CallArguments<'_>, _: &mut Budget) -> Result<Object> {
    let value = arguments.one()?;
    let Object::Str(text) = value else {
        return Err(type_error(format!(
            "ord() expected string of length 1, but {} found",
            value.type_name()
        )));
    };
    let mut characters = text.as_str().chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(Object::Int(i64::from(u32::from(character)))),
        _ => Err(type_error(format!(
            "ord() expected a character, but string of length {} found",
            text.len()
        ))),
    }
}
