//! The tables of the 24 components, of what is inside them, and of what is around them.

use super::shape::Place::{self, Footer, Link, Select, SelectChip, SelectDate, Update};
use super::shape::Shape::{
    self, Boolean, Condition, Date, Dates, Image, Integer, Map, Number, Object, Objects, OrRange, Reference, Special,
    Static, StaticBoolean, Strings, Text, TextOrMap, Texts, Word, Words,
};
use super::shape::{ComponentSchema, Kind, Property, may, must, must_from};
use crate::version::{V2_1, V4_0, V5_0, V5_1, V6_0, V6_1, V6_2, V6_3, V7_0, V7_1, Version};

pub(crate) const TOP: &[Property] = &[
    must("version", Special),
    must("screens", Special),
    may("routing_model", Special),
    may("data_api_version", Special),
    may("data_channel_uri", Special),
];

pub(crate) const SCREEN: &[Property] = &[
    must("id", Static),
    may("title", Shape::String),
    must("layout", Special),
    may("data", Special),
    may("terminal", StaticBoolean),
    may("success", StaticBoolean),
    may("refresh_on_back", StaticBoolean),
    may("sensitive", Strings).since(V5_1),
];

const VISIBLE: Property = may("visible", Boolean);
const ENABLED: Property = may("enabled", Boolean);
const REQUIRED: Property = may("required", Boolean);
const NAME: Property = must("name", Static);
const ERROR_MESSAGE: Property = may("error-message", Text).since(V4_0);
const MEDIA_SIZE: Property = may("media-size", Word(&["regular", "large"])).since(V5_0);
const LABEL_VARIANT: Property = may("label-variant", Word(&["large"])).since(V7_0);
const HELPER_TEXT: Property = may("helper-text", Text).limit(80);
const DESCRIPTION: Property = may("description", Text).since(V4_0).limit(300);
const FONT_WEIGHT: Property = may("font-weight", Word(&["normal", "bold", "italic", "bold_italic"]));
const STRIKETHROUGH: Property = may("strikethrough", Boolean);
const MARKDOWN: Property = may("markdown", StaticBoolean).since(V5_1);
const ALT_TEXT: Property = may("alt-text", Text);
const MIN_SELECTED: Property = may("min-selected-items", Integer(0, 200));
const MAX_SELECTED: Property = may("max-selected-items", Integer(1, 200));
const UNSELECT: Property = may("on-unselect-action", Shape::Action(Update)).since(V6_0);
const SCALE_TYPE: Property = may("scale-type", Word(&["contain", "cover"]));
const ANY: i64 = i64::MAX;

const fn click(place: Place) -> Property {
    may("on-click-action", Shape::Action(place))
}

const fn select(place: Place) -> Property {
    may("on-select-action", Shape::Action(place))
}

const fn component(kind: Kind, name: &'static str, since: Version, properties: &'static [Property]) -> ComponentSchema {
    ComponentSchema { kind, name, since, properties }
}

const OPTION: &[Property] = &[
    must("id", Text),
    must("title", Text).limit(30),
    may("description", Text).limit(300),
    may("metadata", Text).limit(20),
    ENABLED,
    may("image", Image(100)).since(V5_0),
    may("alt-text", Text).since(V5_0),
    may("color", Shape::String).since(V5_0),
    may("on-select-action", Shape::Action(Update)).since(V6_0),
    may("on-unselect-action", Shape::Action(Update)).since(V6_0),
];

const CHIP: &[Property] = &[
    must("id", Text),
    must("title", Text).limit(30),
    ENABLED,
    may("on-select-action", Shape::Action(Update)).since(V7_1),
    may("on-unselect-action", Shape::Action(Update)).since(V7_1),
];

const CAROUSEL_IMAGE: &[Property] = &[must("src", Image(300)), must("alt-text", Text)];

const LIST_ITEM: &[Property] = &[
    must("id", Text),
    must(
        "main-content",
        Object(&[must("title", Text).limit(30), may("description", Text).limit(20), may("metadata", Text).limit(80)]),
    ),
    may("start", Object(&[must("image", Image(100)), ALT_TEXT])),
    may(
        "end",
        Object(&[may("title", Text).limit(10), may("description", Text).limit(10), may("metadata", Text).limit(10)]),
    ),
    may("badge", Text).limit(15),
    may("tags", Strings).limit(15),
    click(Place::NavigationList),
];

/// What a DocumentPicker may be told to take.
const MIME_TYPES: &[&str] = &[
    "application/gzip",
    "application/msword",
    "application/pdf",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/x-7z-compressed",
    "application/zip",
    "image/avif",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/plain",
    "video/mp4",
    "video/mpeg",
];

pub(crate) const COMPONENTS: [ComponentSchema; 24] = [
    component(Kind::TextHeading, "TextHeading", V2_1, &[must("text", Text).limit(80), VISIBLE]),
    component(Kind::TextSubheading, "TextSubheading", V2_1, &[must("text", Text).limit(80), VISIBLE]),
    component(
        Kind::TextBody,
        "TextBody",
        V2_1,
        &[must("text", Texts(V5_1)).limit(4096), FONT_WEIGHT, STRIKETHROUGH, MARKDOWN, VISIBLE],
    ),
    component(
        Kind::TextCaption,
        "TextCaption",
        V2_1,
        &[must("text", Texts(V5_1)).limit(409), FONT_WEIGHT, STRIKETHROUGH, MARKDOWN, VISIBLE],
    ),
    component(Kind::RichText, "RichText", V5_1, &[must("text", Texts(V5_1)), VISIBLE]),
    component(
        Kind::Form,
        "Form",
        V2_1,
        &[NAME, must("children", Shape::Components), may("init-values", Map), may("error-messages", Map)],
    ),
    component(
        Kind::TextInput,
        "TextInput",
        V2_1,
        &[
            NAME,
            must("label", Text).limit(20),
            LABEL_VARIANT,
            may("input-type", Word(&["text", "number", "email", "password", "passcode", "phone"])),
            may("pattern", Shape::String).since(V6_2),
            REQUIRED,
            may("min-chars", Integer(0, ANY)),
            may("max-chars", Integer(1, ANY)),
            HELPER_TEXT,
            ENABLED,
            VISIBLE,
            may("init-value", Shape::String).since(V4_0),
            may("error-message", Text).since(V4_0).limit(30),
        ],
    ),
    component(
        Kind::TextArea,
        "TextArea",
        V2_1,
        &[
            NAME,
            must("label", Text).limit(20),
            LABEL_VARIANT,
            REQUIRED,
            may("max-length", Integer(1, ANY)),
            HELPER_TEXT,
            ENABLED,
            VISIBLE,
            may("init-value", Shape::String).since(V4_0),
            ERROR_MESSAGE,
        ],
    ),
    component(
        Kind::CheckboxGroup,
        "CheckboxGroup",
        V2_1,
        &[
            NAME,
            must("data-source", Objects(OPTION, 1, 20)),
            must_from(V4_0, "label", Text).limit(30),
            DESCRIPTION,
            MIN_SELECTED,
            MAX_SELECTED,
            REQUIRED,
            ENABLED,
            VISIBLE,
            may("init-value", Strings).since(V4_0),
            ERROR_MESSAGE,
            MEDIA_SIZE,
            select(Select),
            UNSELECT,
        ],
    ),
    component(
        Kind::RadioButtonsGroup,
        "RadioButtonsGroup",
        V2_1,
        &[
            NAME,
            must("data-source", Objects(OPTION, 1, 20)),
            must_from(V4_0, "label", Text).limit(30),
            DESCRIPTION,
            REQUIRED,
            ENABLED,
            VISIBLE,
            may("init-value", Shape::String).since(V4_0),
            ERROR_MESSAGE,
            MEDIA_SIZE,
            select(Select),
            UNSELECT,
        ],
    ),
    component(
        Kind::Dropdown,
        "Dropdown",
        V2_1,
        &[
            NAME,
            must("label", Text).limit(20),
            must("data-source", Objects(OPTION, 1, 200)),
            REQUIRED,
            ENABLED,
            VISIBLE,
            may("init-value", Shape::String).since(V4_0),
            ERROR_MESSAGE,
            select(Select),
            UNSELECT,
        ],
    ),
    component(
        Kind::ChipsSelector,
        "ChipsSelector",
        V6_3,
        &[
            NAME,
            must("label", Text).limit(80),
            must("data-source", Objects(CHIP, 2, 20)),
            DESCRIPTION,
            MIN_SELECTED,
            MAX_SELECTED,
            REQUIRED,
            ENABLED,
            VISIBLE,
            may("init-value", Strings),
            ERROR_MESSAGE,
            select(SelectChip),
            may("on-unselect-action", Shape::Action(Update)).since(V7_1),
        ],
    ),
    component(
        Kind::OptIn,
        "OptIn",
        V2_1,
        &[
            NAME,
            must("label", Text).limit(120),
            REQUIRED,
            VISIBLE,
            click(Link),
            may("on-select-action", Shape::Action(Update)).since(V6_0),
            UNSELECT,
            may("init-value", Boolean).since(V4_0),
        ],
    ),
    component(
        Kind::DatePicker,
        "DatePicker",
        V2_1,
        &[
            NAME,
            must("label", Text).limit(40),
            may("min-date", Date),
            may("max-date", Date),
            may("unavailable-dates", Dates),
            HELPER_TEXT,
            REQUIRED,
            ENABLED,
            VISIBLE,
            may("init-value", Date).since(V4_0),
            may("error-message", Text).since(V4_0).limit(80),
            select(SelectDate),
        ],
    ),
    component(
        Kind::CalendarPicker,
        "CalendarPicker",
        V6_1,
        &[
            NAME,
            must("label", OrRange(&Text)).limit(40),
            may("mode", Word(&["single", "range"])),
            may("title", Text).limit(80),
            may("description", Text).limit(300),
            may("helper-text", OrRange(&Text)).limit(80),
            may("required", OrRange(&Boolean)),
            ENABLED,
            VISIBLE,
            may("min-date", Date),
            may("max-date", Date),
            may("unavailable-dates", Dates),
            may("include-days", Words(&["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])),
            may("min-days", Integer(1, ANY)),
            may("max-days", Integer(1, ANY)),
            may("init-value", OrRange(&Date)),
            may("error-message", OrRange(&Text)).limit(80),
            select(SelectDate),
        ],
    ),
    component(
        Kind::Image,
        "Image",
        V2_1,
        &[
            must("src", Image(300)),
            may("width", Integer(1, ANY)),
            may("height", Integer(1, ANY)),
            SCALE_TYPE,
            may("aspect-ratio", Number),
            ALT_TEXT,
            VISIBLE,
        ],
    ),
    component(
        Kind::ImageCarousel,
        "ImageCarousel",
        V7_1,
        &[
            must("images", Objects(CAROUSEL_IMAGE, 1, 3)),
            may("aspect-ratio", Word(&["4:3", "16:9"])),
            SCALE_TYPE,
            VISIBLE,
        ],
    ),
    component(
        Kind::PhotoPicker,
        "PhotoPicker",
        V4_0,
        &[
            NAME,
            must("label", Text).limit(80),
            DESCRIPTION,
            may("photo-source", Word(&["camera_gallery", "camera", "gallery"])),
            may("max-file-size-kb", Integer(1, 25600)),
            may("min-uploaded-photos", Integer(0, 30)),
            may("max-uploaded-photos", Integer(1, 30)),
            ENABLED,
            VISIBLE,
            may("error-message", TextOrMap),
        ],
    ),
    component(
        Kind::DocumentPicker,
        "DocumentPicker",
        V4_0,
        &[
            NAME,
            must("label", Text).limit(80),
            DESCRIPTION,
            may("max-file-size-kb", Integer(1, 25600)),
            may("min-uploaded-documents", Integer(0, 30)),
            may("max-uploaded-documents", Integer(1, 30)),
            may("allowed-mime-types", Words(MIME_TYPES)),
            ENABLED,
            VISIBLE,
            may("error-message", TextOrMap),
        ],
    ),
    component(
        Kind::Footer,
        "Footer",
        V2_1,
        &[
            must("label", Text).limit(35),
            must("on-click-action", Shape::Action(Footer)),
            may("left-caption", Text).limit(15),
            may("right-caption", Text).limit(15),
            may("center-caption", Text).limit(15),
            ENABLED,
        ],
    ),
    component(
        Kind::EmbeddedLink,
        "EmbeddedLink",
        V2_1,
        &[must("text", Text).limit(25), must("on-click-action", Shape::Action(Link)), VISIBLE],
    ),
    component(
        Kind::NavigationList,
        "NavigationList",
        V6_2,
        &[
            NAME,
            must("list-items", Objects(LIST_ITEM, 1, 20)),
            may("label", Text).limit(80),
            may("description", Text).limit(300),
            MEDIA_SIZE,
            click(Place::NavigationList),
        ],
    ),
    component(
        Kind::If,
        "If",
        V4_0,
        &[must("condition", Condition), must("then", Shape::Components), may("else", Shape::Components)],
    ),
    component(Kind::Switch, "Switch", V4_0, &[must("value", Reference), must("cases", Shape::Cases)]),
];

impl Kind {
    /// As the file writes it.
    pub fn name(self) -> &'static str {
        self.schema().name
    }

    pub(crate) fn schema(self) -> &'static ComponentSchema {
        // The table stands in the order of the enum; a test holds it there.
        &COMPONENTS[self as usize]
    }

    pub fn parse(name: &str) -> Option<Self> {
        COMPONENTS.iter().find(|component| component.name == name).map(|component| component.kind)
    }
}
