//! What a page's handler takes: the scene, and what the frame needs to know.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::frame::{Flash, Frame};
use super::nav::{Hall, Menu, Section};
use crate::extract::{Anyone, Needs, Scene};
use crate::failure::Failure;
use crate::router::Served;

/// The token that the forms of a session carry; empty where no session is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Csrf(pub(crate) String);

/// A visit of somebody who may do `N` to a page.
pub(crate) struct Visit<N = Anyone> {
    pub(crate) scene: Scene<N>,
    csrf: Csrf,
    flash: Option<Flash>,
}

impl<N: Needs> FromRequestParts<Arc<Served>> for Visit<N> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Failure> {
        let csrf = parts.extensions.remove::<Csrf>().unwrap_or_default();
        let flash = Flash::of(&parts.headers);
        Ok(Self { scene: Scene::from_request_parts(parts, served).await?, csrf, flash })
    }
}

impl<N> Visit<N> {
    /// The frame of a page outside any project.
    pub(crate) fn hall(&self, title: &str, here: Hall) -> Frame {
        Frame { menu: Some(Menu::of_instance(&self.scene.caller, here)), ..self.bare(title) }
    }

    fn bare(&self, title: &str) -> Frame {
        Frame {
            title: title.to_owned(),
            visitor: Some(visitor(&self.scene.caller.actor)),
            csrf: self.csrf.0.clone(),
            flash: self.flash.clone(),
            ..Frame::default()
        }
    }

    /// The frame of a page of the scene's project.
    pub(crate) fn frame(&self, title: &str, here: Section) -> Frame {
        let project = &self.scene.project;
        let menu = Some(Menu::new(project, &self.scene.caller, here));
        let frame = Frame { menu, ..self.bare(title) };
        frame.crumb("Projects", "/").crumb(project.as_str(), format!("/projects/{project}"))
    }

    /// An address in the scene's project.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("/projects/{}{path}", self.scene.project)
    }
}

/// The name that people know a caller by.
pub(crate) fn visitor(actor: &str) -> String {
    actor.strip_prefix("user:").unwrap_or(actor).to_owned()
}
