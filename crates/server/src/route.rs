//! A path with its handlers. What documents them is compiled only with the feature `describe`: the program serves the
//! document that was made from it, and need not carry the code that makes it.

use std::sync::Arc;

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter};
use utoipa_axum::PathItemExt;

use crate::router::Served;

/// One path with its methods.
#[derive(Default)]
pub(crate) struct Route {
    /// Below the prefix under which it is mounted.
    pub(crate) path: String,
    /// What answers.
    pub(crate) methods: MethodRouter<Arc<Served>>,
    /// The methods that are answered, for the list of routes.
    #[cfg(feature = "describe")]
    pub(crate) verbs: Vec<MethodFilter>,
    /// What the document says of it.
    #[cfg(feature = "describe")]
    pub(crate) described: Described,
}

/// Schemas by name, and operations.
#[cfg(feature = "describe")]
#[derive(Default)]
pub(crate) struct Described {
    pub(crate) schemas: Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>,
    pub(crate) paths: utoipa::openapi::Paths,
}

/// What `#[utoipa::path]` says of a handler.
#[cfg(not(feature = "describe"))]
pub(crate) trait Documented: utoipa::Path {}
#[cfg(not(feature = "describe"))]
impl<T: utoipa::Path> Documented for T {}

/// What `#[utoipa::path]` says of a handler.
#[cfg(feature = "describe")]
pub(crate) trait Documented:
    utoipa::Path + utoipa::__dev::SchemaReferences + for<'tag> utoipa::__dev::Tags<'tag>
{
}
#[cfg(feature = "describe")]
impl<T> Documented for T where T: utoipa::Path + utoipa::__dev::SchemaReferences + for<'tag> utoipa::__dev::Tags<'tag> {}

impl Route {
    /// Adds a handler, which `D` documents, under its methods. All handlers of a route name the same path.
    pub(crate) fn with<D: Documented, H, T>(mut self, handler: H) -> Self
    where
        H: Handler<T, Arc<Served>>,
        T: 'static,
    {
        self.path = D::path();
        let methods = D::methods().iter().map(PathItemExt::to_method_filter).reduce(MethodFilter::or);
        #[cfg(feature = "describe")]
        self.described.add::<D>();
        self.on(methods.expect("a documented handler has a method"), handler)
    }

    /// Adds a handler that shows something, and that no document describes.
    pub(crate) fn get<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, Arc<Served>>,
        T: 'static,
    {
        self.on(MethodFilter::GET, handler)
    }

    /// Adds a handler that takes a form, and that no document describes.
    pub(crate) fn post<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, Arc<Served>>,
        T: 'static,
    {
        self.on(MethodFilter::POST, handler)
    }

    fn on<H, T>(mut self, filter: MethodFilter, handler: H) -> Self
    where
        H: Handler<T, Arc<Served>>,
        T: 'static,
    {
        #[cfg(feature = "describe")]
        self.verbs.push(filter);
        self.methods = self.methods.on(filter, handler);
        self
    }

    /// The same under a prefix.
    pub(crate) fn under(self, prefix: &str) -> Self {
        Self { path: format!("{prefix}{}", self.path), ..self }
    }

    /// The methods that it answers, in the order of the letters.
    #[cfg(feature = "describe")]
    pub(crate) fn methods(&self) -> Vec<&'static str> {
        const NAMES: [(&str, MethodFilter); 5] = [
            ("DELETE", MethodFilter::DELETE),
            ("GET", MethodFilter::GET),
            ("PATCH", MethodFilter::PATCH),
            ("POST", MethodFilter::POST),
            ("PUT", MethodFilter::PUT),
        ];
        let known = self.verbs.iter().map(|verb| NAMES.iter().find(|(_, filter)| filter == verb));
        let mut names: Vec<_> = known.map(|name| name.expect("a route's method has a name here").0).collect();
        names.sort_unstable();
        names
    }
}

/// A route that no document describes: a page.
pub(crate) fn page(path: &str) -> Route {
    Route { path: path.to_owned(), ..Route::default() }
}

#[cfg(feature = "describe")]
impl Described {
    fn add<D: Documented>(&mut self) {
        let mut operation = D::operation();
        let tags = D::tags();
        if !tags.is_empty() {
            operation.tags.get_or_insert_default().extend(tags.iter().map(ToString::to_string));
        }
        D::schemas(&mut self.schemas);
        self.paths.add_path_operation(D::path(), D::methods(), operation);
    }
}

/// The route of handlers that share a path: `routes!(secrets::show, secrets::update)`.
macro_rules! routes {
    ($($module:ident::$handler:ident),+ $(,)?) => {
        utoipa_axum::paste! {
            $crate::route::Route::default()$(.with::<$module::[<__path_ $handler>], _, _>($module::$handler))+
        }
    };
}
pub(crate) use routes;
