//! What happens when the code is wrong: the place is told, the message is not.

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::JsValue;

thread_local! {
    static LISTENER: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Has the listener told of the first panic; the module must not be called again after it.
pub(crate) fn install(listener: Function) {
    LISTENER.set(Some(listener));
    std::panic::set_hook(Box::new(|info| {
        let place =
            info.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
        if let Some(listener) = LISTENER.take() {
            // There is nobody left to tell if the listener fails too.
            let _ = listener.call1(&JsValue::UNDEFINED, &JsValue::from_str(&place));
        }
    }));
}
