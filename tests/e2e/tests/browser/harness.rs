//! What looks the pages over sees what it should see.

use strongroom_e2e::Instance;
use strongroom_e2e::browser::{Browser, Window};

#[tokio::test]
async fn the_description_of_the_api_is_a_sound_page_by_day_and_on_a_phone_by_night() {
    let instance = Instance::start().await;
    let browser = Browser::start(&instance).await;
    for (name, window) in [("day", Window::DESK), ("night", Window::PHONE), ("plain", Window::WITHOUT_SCRIPT)] {
        let reader = browser.person(name, window).await;
        assert_eq!(reader.open("/api/docs").await, 200);
        assert_eq!(reader.texts("h1").await, ["Strongroom API"]);
    }
    instance.close().await;
}
