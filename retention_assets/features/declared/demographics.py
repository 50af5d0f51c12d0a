"""Who each customer is: time since sign-up, plan, channel, consent."""

from retention_assets.features.expressions import AttributeEquals, TenureDays
from retention_assets.features.feature import Feature
from retention_assets.sources.contracts import ACQUISITION_CHANNELS, PLANS

DEMOGRAPHIC_FEATURES: tuple[Feature, ...] = (
    Feature("tenure_days", "demographics", TenureDays(), "Days since sign-up.", monitored=False),
    *(
        Feature(
            f"plan_{plan}", "demographics", AttributeEquals("plan", plan), f"On the {plan} plan."
        )
        for plan in PLANS
    ),
    *(
        Feature(
            f"channel_{channel}",
            "demographics",
            AttributeEquals("acquisition_channel", channel),
            f"Signed up through {channel}.",
        )
        for channel in ACQUISITION_CHANNELS
    ),
    Feature(
        "email_opt_in",
        "demographics",
        AttributeEquals("email_opt_in", "true"),
        "Consents to retention mail.",
    ),
)
