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
        self.methods = self.methods.on(methods.expect("a documented handler has a method"), handler);
        #[cfg(feature = "describe")]
        self.described.add::<D>();
        self
    }
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
