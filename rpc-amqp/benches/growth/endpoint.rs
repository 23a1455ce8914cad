//! Services of any size.

use rpc_core::{Dispatch, Endpoint, Interface, Invocation, Method, MethodKind};

/// The arguments of every method.
#[derive(serde::Deserialize, serde::Serialize)]
pub(crate) struct Arguments {
    pub(crate) text: String,
}

/// Returns the text that it got, under so many names.
#[derive(Clone, Copy)]
pub(crate) struct Echo(&'static [Method]);

impl Echo {
    /// The methods live as long as the process.
    pub(crate) fn with_methods(count: usize) -> Self {
        let name = |number| &*Box::leak(method_name(number).into_boxed_str());
        let methods: Vec<_> = (0..count).map(|number| Method::new(name(number), MethodKind::Call)).collect();
        Self(methods.leak())
    }
}

pub(crate) fn method_name(number: usize) -> String {
    format!("method-{number}")
}

impl Endpoint for Echo {
    fn interface(&self) -> Interface {
        Interface::new("Echo").with_methods(self.0)
    }

    fn dispatch(&self, _: usize, invocation: Invocation) -> Dispatch {
        Box::pin(async move {
            match invocation.arguments::<Arguments>() {
                Ok(Arguments { text }) => invocation.success(&text),
                Err(outcome) => outcome,
            }
        })
    }
}

/// Never answers.
#[derive(Clone, Copy)]
pub(crate) struct Hang;

impl Hang {
    pub(crate) const METHOD: &'static str = "hang";
    const METHODS: &'static [Method] = &[Method::new(Self::METHOD, MethodKind::Call)];
}

impl Endpoint for Hang {
    fn interface(&self) -> Interface {
        Interface::new("Hang").with_methods(Self::METHODS)
    }

    fn dispatch(&self, _: usize, _: Invocation) -> Dispatch {
        Box::pin(std::future::pending())
    }
}
