//! What a process can run: functions of up to twelve arguments, and objects with a `run`.

use serde::{Serialize, de::DeserializeOwned};

/// A value that can travel between processes: every owned type that serde can encode and decode. There is nothing to
/// implement.
pub trait Portable: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Portable for T {}

/// A function that a [`Process`](super::Process) can run, with its arguments as a tuple: implemented for every function
/// and every closure that captures nothing, when its arguments and its output are serde types.
#[diagnostic::on_unimplemented(
    message = "a process cannot run `{Self}` with the arguments `{Arguments}`",
    note = "the arguments are a tuple: `()` for none, `(one,)` for one",
    note = "a closure may capture nothing: pass what it needs among the arguments",
    note = "a closure needs the types of its arguments written down: `|name: String| …`",
    note = "all arguments and the output must be owned serde types (`Serialize` and `DeserializeOwned`)"
)]
pub trait Target<Arguments: Portable>: Copy + Send + 'static {
    /// What the function returns, which [`Child::join`](super::Child::join) gives to the parent.
    type Output: Portable;

    /// Calls the function.
    fn call(self, arguments: Arguments) -> Self::Output;
}

/// An object that runs in a process of its own: what a subclass of Python's `Process` with a method `run` is.
///
/// ```no_run
/// use pool::{Process, Run};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Greeter {
///     name: String,
/// }
///
/// impl Run for Greeter {
///     type Output = usize;
///
///     fn run(self) -> usize {
///         println!("hello, {}", self.name);
///         self.name.len()
///     }
/// }
///
/// fn main() {
///     pool::main(|| {
///         let greeter = Process::of(Greeter { name: "Anna".into() }).start().unwrap();
///         assert_eq!(greeter.join().unwrap(), 4);
///     });
/// }
/// ```
pub trait Run: Portable {
    /// What [`Run::run`] returns.
    type Output: Portable;

    /// What the process does.
    fn run(self) -> Self::Output;
}

macro_rules! functions {
    ($($type:ident $name:ident),*) => {
        impl<Function, Output, $($type),*> Target<($($type,)*)> for Function
        where
            Function: Fn($($type),*) -> Output + Copy + Send + 'static,
            Output: Portable,
            ($($type,)*): Portable,
        {
            type Output = Output;

            fn call(self, ($($name,)*): ($($type,)*)) -> Output {
                self($($name),*)
            }
        }
    };
}

functions!();
functions!(A a);
functions!(A a, B b);
functions!(A a, B b, C c);
functions!(A a, B b, C c, D d);
functions!(A a, B b, C c, D d, E e);
functions!(A a, B b, C c, D d, E e, F f);
functions!(A a, B b, C c, D d, E e, F f, G g);
functions!(A a, B b, C c, D d, E e, F f, G g, H h);
functions!(A a, B b, C c, D d, E e, F f, G g, H h, I i);
functions!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j);
functions!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k);
functions!(A a, B b, C c, D d, E e, F f, G g, H h, I i, J j, K k, L l);
