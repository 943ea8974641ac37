//! The codes of findings and verdicts, each with the page that explains it.
//!
//! A code in capitals is Meta's own, as the platform gives it at upload or its client knows it. One in small letters is ours.
//! The pages (`rules/CODE.md`) say what the rule is, why, and show what it finds and what it lets pass; these examples are
//! what the rule is tested by.

use std::fmt;

/// What a finding or a verdict is about. A code never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    InvalidFlowJson,
    MissingFlowJsonVersion,
    InvalidFlowJsonVersion,
    UnsupportedFlowJsonVersion,
    InvalidDataApiVersion,
    InvalidPropertyKey,
    MissingRequiredProperty,
    MissingRequiredTypeProperty,
    InvalidTypePropertyValue,
    InvalidPropertyType,
    InvalidPropertyValue,
    InvalidPropertyValueFormat,
    InvalidEnumValue,
    InvalidDependencies,
    NotKeywordSchemaValidationFailed,
    KeywordOneOf,
    MinItemsRequired,
    MaxItemsRequired,
    MinimumValueRequired,
    MaximumValueRequired,
    MinValueGreaterThanMax,
    MaxScreensNumber,
    MaxEmbeddedLinkPerScreen,
    MaxFooterPerScreen,
    MaxImagePerScreen,
    MaxOptInPerScreen,
    ComponentTypeMaxNumberPerScreen,
    MoreThanOneFooter,
    MaxAllowedComponentsPerScreen,
    InvalidRoutingModel,
    InvalidNavigateActionNextScreenName,
    InvalidNavigateActionPayload,
    InvalidUpdateDataActionPayload,
    InvalidCompleteAction,
    InvalidOnClickActionPayload,
    InvalidScreenData,
    InvalidScreenDynamicData,
    InvalidTextDynamicData,
    DuplicateScreenIds,
    DuplicateFormComponentNames,
    ScreenIdIsReservedKeyword,
    PropertyNameMismatch,
    MissingTerminalScreen,
    MissingFooterOnTerminalScreen,
    ComponentsOutsideForm,
    MissingFooterInIfElseBranches,
    MissingFooterInSwitchBranches,
    EmptySwitchCases,
    MaximumIfNesting,
    NativeComponentInFormInitValues,
    InvalidRichtextPlacement,
    InvalidComponentPlacement,
    DataSourceItemsHaveBothImageAndColor,
    InvalidDateRange,
    InvalidMinMaxDays,
    InvalidDateSingleInitValueFormat,
    MissingCalendarPickerRangeModeProp,
    UnexpectedCalendarPickerRangeModeProp,
    InvalidSensitiveField,
    InvalidPropertyValueForCondition,
    InvalidPropertyNameForCondition,
    DuplicatePropetyForCondition,
    LimitExceeded,
    DuplicateKey,
    VersionFrozen,
    VersionNewer,
    ShownAsItStands,
    BackwardRoute,
    TextTooLong,
    OptionCount,
    OptionId,
    OptionTitle,
    DateFormat,
    ImageTooLarge,
    ListItemNotRendered,
    ReservedPayloadKey,
    RequiredUnseen,
    NumberForwarded,
    OptionalPattern,
    InitValueNotOffered,
    DeadEnd,
    InvalidScreenTransition,
    BackwardTransition,
    PayloadSchemaError,
    UndeclaredData,
}

/// The page of a code, by its name as printed; in capitals or not.
///
/// ```
/// let page = flow_json::explain("INVALID_ROUTING_MODEL").unwrap();
/// assert!(page.starts_with("# INVALID_ROUTING_MODEL"));
/// assert!(flow_json::explain("NO_SUCH_CODE").is_none());
/// ```
pub fn explain(code: &str) -> Option<&'static str> {
    Code::ALL.iter().find(|known| known.as_str().eq_ignore_ascii_case(code)).map(|known| known.page())
}

impl Code {
    /// Every code, Meta's first.
    pub const ALL: &[Code] = &[
        Self::InvalidFlowJson,
        Self::MissingFlowJsonVersion,
        Self::InvalidFlowJsonVersion,
        Self::UnsupportedFlowJsonVersion,
        Self::InvalidDataApiVersion,
        Self::InvalidPropertyKey,
        Self::MissingRequiredProperty,
        Self::MissingRequiredTypeProperty,
        Self::InvalidTypePropertyValue,
        Self::InvalidPropertyType,
        Self::InvalidPropertyValue,
        Self::InvalidPropertyValueFormat,
        Self::InvalidEnumValue,
        Self::InvalidDependencies,
        Self::NotKeywordSchemaValidationFailed,
        Self::KeywordOneOf,
        Self::MinItemsRequired,
        Self::MaxItemsRequired,
        Self::MinimumValueRequired,
        Self::MaximumValueRequired,
        Self::MinValueGreaterThanMax,
        Self::MaxScreensNumber,
        Self::MaxEmbeddedLinkPerScreen,
        Self::MaxFooterPerScreen,
        Self::MaxImagePerScreen,
        Self::MaxOptInPerScreen,
        Self::ComponentTypeMaxNumberPerScreen,
        Self::MoreThanOneFooter,
        Self::MaxAllowedComponentsPerScreen,
        Self::InvalidRoutingModel,
        Self::InvalidNavigateActionNextScreenName,
        Self::InvalidNavigateActionPayload,
        Self::InvalidUpdateDataActionPayload,
        Self::InvalidCompleteAction,
        Self::InvalidOnClickActionPayload,
        Self::InvalidScreenData,
        Self::InvalidScreenDynamicData,
        Self::InvalidTextDynamicData,
        Self::DuplicateScreenIds,
        Self::DuplicateFormComponentNames,
        Self::ScreenIdIsReservedKeyword,
        Self::PropertyNameMismatch,
        Self::MissingTerminalScreen,
        Self::MissingFooterOnTerminalScreen,
        Self::ComponentsOutsideForm,
        Self::MissingFooterInIfElseBranches,
        Self::MissingFooterInSwitchBranches,
        Self::EmptySwitchCases,
        Self::MaximumIfNesting,
        Self::NativeComponentInFormInitValues,
        Self::InvalidRichtextPlacement,
        Self::InvalidComponentPlacement,
        Self::DataSourceItemsHaveBothImageAndColor,
        Self::InvalidDateRange,
        Self::InvalidMinMaxDays,
        Self::InvalidDateSingleInitValueFormat,
        Self::MissingCalendarPickerRangeModeProp,
        Self::UnexpectedCalendarPickerRangeModeProp,
        Self::InvalidSensitiveField,
        Self::InvalidPropertyValueForCondition,
        Self::InvalidPropertyNameForCondition,
        Self::DuplicatePropetyForCondition,
        Self::LimitExceeded,
        Self::DuplicateKey,
        Self::VersionFrozen,
        Self::VersionNewer,
        Self::ShownAsItStands,
        Self::BackwardRoute,
        Self::TextTooLong,
        Self::OptionCount,
        Self::OptionId,
        Self::OptionTitle,
        Self::DateFormat,
        Self::ImageTooLarge,
        Self::ListItemNotRendered,
        Self::ReservedPayloadKey,
        Self::RequiredUnseen,
        Self::NumberForwarded,
        Self::OptionalPattern,
        Self::InitValueNotOffered,
        Self::DeadEnd,
        Self::InvalidScreenTransition,
        Self::BackwardTransition,
        Self::PayloadSchemaError,
        Self::UndeclaredData,
    ];

    /// As it is printed.
    pub fn as_str(self) -> &'static str {
        // The first line of the page, which a test holds there.
        self.page().lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// Meta's own, not ours.
    pub fn is_metas(self) -> bool {
        self.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    }

    /// What the rule is, why, and examples; Markdown.
    pub fn page(self) -> &'static str {
        match self {
            Self::InvalidFlowJson => include_str!("../rules/INVALID_FLOW_JSON.md"),
            Self::MissingFlowJsonVersion => include_str!("../rules/MISSING_FLOW_JSON_VERSION.md"),
            Self::InvalidFlowJsonVersion => include_str!("../rules/INVALID_FLOW_JSON_VERSION.md"),
            Self::UnsupportedFlowJsonVersion => include_str!("../rules/UNSUPPORTED_FLOW_JSON_VERSION.md"),
            Self::InvalidDataApiVersion => include_str!("../rules/INVALID_DATA_API_VERSION.md"),
            Self::InvalidPropertyKey => include_str!("../rules/INVALID_PROPERTY_KEY.md"),
            Self::MissingRequiredProperty => include_str!("../rules/MISSING_REQUIRED_PROPERTY.md"),
            Self::MissingRequiredTypeProperty => include_str!("../rules/MISSING_REQUIRED_TYPE_PROPERTY.md"),
            Self::InvalidTypePropertyValue => include_str!("../rules/INVALID_TYPE_PROPERTY_VALUE.md"),
            Self::InvalidPropertyType => include_str!("../rules/INVALID_PROPERTY_TYPE.md"),
            Self::InvalidPropertyValue => include_str!("../rules/INVALID_PROPERTY_VALUE.md"),
            Self::InvalidPropertyValueFormat => include_str!("../rules/INVALID_PROPERTY_VALUE_FORMAT.md"),
            Self::InvalidEnumValue => include_str!("../rules/INVALID_ENUM_VALUE.md"),
            Self::InvalidDependencies => include_str!("../rules/INVALID_DEPENDENCIES.md"),
            Self::NotKeywordSchemaValidationFailed => include_str!("../rules/NOT_KEYWORD_SCHEMA_VALIDATION_FAILED.md"),
            Self::KeywordOneOf => include_str!("../rules/KEYWORD_ONE_OF.md"),
            Self::MinItemsRequired => include_str!("../rules/MIN_ITEMS_REQUIRED.md"),
            Self::MaxItemsRequired => include_str!("../rules/MAX_ITEMS_REQUIRED.md"),
            Self::MinimumValueRequired => include_str!("../rules/MINIMUM_VALUE_REQUIRED.md"),
            Self::MaximumValueRequired => include_str!("../rules/MAXIMUM_VALUE_REQUIRED.md"),
            Self::MinValueGreaterThanMax => include_str!("../rules/MIN_VALUE_GREATER_THAN_MAX.md"),
            Self::MaxScreensNumber => include_str!("../rules/MAX_SCREENS_NUMBER.md"),
            Self::MaxEmbeddedLinkPerScreen => include_str!("../rules/MAX_EMBEDDED_LINK_PER_SCREEN.md"),
            Self::MaxFooterPerScreen => include_str!("../rules/MAX_FOOTER_PER_SCREEN.md"),
            Self::MaxImagePerScreen => include_str!("../rules/MAX_IMAGE_PER_SCREEN.md"),
            Self::MaxOptInPerScreen => include_str!("../rules/MAX_OPT_IN_PER_SCREEN.md"),
            Self::ComponentTypeMaxNumberPerScreen => include_str!("../rules/COMPONENT_TYPE_MAX_NUMBER_PER_SCREEN.md"),
            Self::MoreThanOneFooter => include_str!("../rules/MORE_THAN_ONE_FOOTER.md"),
            Self::MaxAllowedComponentsPerScreen => include_str!("../rules/MAX_ALLOWED_COMPONENTS_PER_SCREEN.md"),
            Self::InvalidRoutingModel => include_str!("../rules/INVALID_ROUTING_MODEL.md"),
            Self::InvalidNavigateActionNextScreenName => {
                include_str!("../rules/INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME.md")
            }
            Self::InvalidNavigateActionPayload => include_str!("../rules/INVALID_NAVIGATE_ACTION_PAYLOAD.md"),
            Self::InvalidUpdateDataActionPayload => include_str!("../rules/INVALID_UPDATE_DATA_ACTION_PAYLOAD.md"),
            Self::InvalidCompleteAction => include_str!("../rules/INVALID_COMPLETE_ACTION.md"),
            Self::InvalidOnClickActionPayload => include_str!("../rules/INVALID_ON_CLICK_ACTION_PAYLOAD.md"),
            Self::InvalidScreenData => include_str!("../rules/INVALID_SCREEN_DATA.md"),
            Self::InvalidScreenDynamicData => include_str!("../rules/INVALID_SCREEN_DYNAMIC_DATA.md"),
            Self::InvalidTextDynamicData => include_str!("../rules/INVALID_TEXT_DYNAMIC_DATA.md"),
            Self::DuplicateScreenIds => include_str!("../rules/DUPLICATE_SCREEN_IDS.md"),
            Self::DuplicateFormComponentNames => include_str!("../rules/DUPLICATE_FORM_COMPONENT_NAMES.md"),
            Self::ScreenIdIsReservedKeyword => include_str!("../rules/SCREEN_ID_IS_RESERVED_KEYWORD.md"),
            Self::PropertyNameMismatch => include_str!("../rules/PROPERTY_NAME_MISMATCH.md"),
            Self::MissingTerminalScreen => include_str!("../rules/MISSING_TERMINAL_SCREEN.md"),
            Self::MissingFooterOnTerminalScreen => include_str!("../rules/MISSING_FOOTER_ON_TERMINAL_SCREEN.md"),
            Self::ComponentsOutsideForm => include_str!("../rules/COMPONENTS_OUTSIDE_FORM.md"),
            Self::MissingFooterInIfElseBranches => include_str!("../rules/MISSING_FOOTER_IN_IF_ELSE_BRANCHES.md"),
            Self::MissingFooterInSwitchBranches => include_str!("../rules/MISSING_FOOTER_IN_SWITCH_BRANCHES.md"),
            Self::EmptySwitchCases => include_str!("../rules/EMPTY_SWITCH_CASES.md"),
            Self::MaximumIfNesting => include_str!("../rules/MAXIMUM_IF_NESTING.md"),
            Self::NativeComponentInFormInitValues => include_str!("../rules/NATIVE_COMPONENT_IN_FORM_INIT_VALUES.md"),
            Self::InvalidRichtextPlacement => include_str!("../rules/INVALID_RICHTEXT_PLACEMENT.md"),
            Self::InvalidComponentPlacement => include_str!("../rules/INVALID_COMPONENT_PLACEMENT.md"),
            Self::DataSourceItemsHaveBothImageAndColor => {
                include_str!("../rules/DATA_SOURCE_ITEMS_HAVE_BOTH_IMAGE_AND_COLOR.md")
            }
            Self::InvalidDateRange => include_str!("../rules/INVALID_DATE_RANGE.md"),
            Self::InvalidMinMaxDays => include_str!("../rules/INVALID_MIN_MAX_DAYS.md"),
            Self::InvalidDateSingleInitValueFormat => include_str!("../rules/INVALID_DATE_SINGLE_INIT_VALUE_FORMAT.md"),
            Self::MissingCalendarPickerRangeModeProp => {
                include_str!("../rules/MISSING_CALENDAR_PICKER_RANGE_MODE_PROP.md")
            }
            Self::UnexpectedCalendarPickerRangeModeProp => {
                include_str!("../rules/UNEXPECTED_CALENDAR_PICKER_RANGE_MODE_PROP.md")
            }
            Self::InvalidSensitiveField => include_str!("../rules/INVALID_SENSITIVE_FIELD.md"),
            Self::InvalidPropertyValueForCondition => include_str!("../rules/INVALID_PROPERTY_VALUE_FOR_CONDITION.md"),
            Self::InvalidPropertyNameForCondition => include_str!("../rules/INVALID_PROPERTY_NAME_FOR_CONDITION.md"),
            Self::DuplicatePropetyForCondition => include_str!("../rules/DUPLICATE_PROPETY_FOR_CONDITION.md"),
            Self::LimitExceeded => include_str!("../rules/limit-exceeded.md"),
            Self::DuplicateKey => include_str!("../rules/duplicate-key.md"),
            Self::VersionFrozen => include_str!("../rules/version-frozen.md"),
            Self::VersionNewer => include_str!("../rules/version-newer.md"),
            Self::ShownAsItStands => include_str!("../rules/shown-as-it-stands.md"),
            Self::BackwardRoute => include_str!("../rules/backward-route.md"),
            Self::TextTooLong => include_str!("../rules/text-too-long.md"),
            Self::OptionCount => include_str!("../rules/option-count.md"),
            Self::OptionId => include_str!("../rules/option-id.md"),
            Self::OptionTitle => include_str!("../rules/option-title.md"),
            Self::DateFormat => include_str!("../rules/date-format.md"),
            Self::ImageTooLarge => include_str!("../rules/image-too-large.md"),
            Self::ListItemNotRendered => include_str!("../rules/list-item-not-rendered.md"),
            Self::ReservedPayloadKey => include_str!("../rules/reserved-payload-key.md"),
            Self::RequiredUnseen => include_str!("../rules/required-unseen.md"),
            Self::NumberForwarded => include_str!("../rules/number-forwarded.md"),
            Self::OptionalPattern => include_str!("../rules/optional-pattern.md"),
            Self::InitValueNotOffered => include_str!("../rules/init-value-not-offered.md"),
            Self::DeadEnd => include_str!("../rules/dead-end.md"),
            Self::InvalidScreenTransition => include_str!("../rules/invalid-screen-transition.md"),
            Self::BackwardTransition => include_str!("../rules/backward-transition.md"),
            Self::PayloadSchemaError => include_str!("../rules/payload-schema-error.md"),
            Self::UndeclaredData => include_str!("../rules/undeclared-data.md"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
