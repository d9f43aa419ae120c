"""Routes of the orders service."""

from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401
from django.urls import path

from orders import metrics
from orders.api import carts, coupons, documents, orders, quotes, staff, staff_returns

metrics.register()

urlpatterns = service_urls(
    [
        path("carts", carts.CartList.as_view()),
        path("carts/<uuid:cart_id>", carts.CartDetail.as_view()),
        path("carts/<uuid:cart_id>/items/<str:sku>", carts.CartItemDetail.as_view()),
        path("carts/<uuid:cart_id>/coupon", coupons.CartCoupon.as_view()),
        path("carts/<uuid:cart_id>/claim", carts.CartClaim.as_view()),
        path("shipping-methods", quotes.ShippingMethods.as_view()),
        path("quotes", quotes.QuoteList.as_view()),
        path("quotes/<uuid:quote_id>", quotes.QuoteDetail.as_view()),
        path("orders", orders.OrderList.as_view()),
        path("orders/export", documents.OrderExport.as_view()),
        path("orders/<uuid:order_id>", orders.OrderDetail.as_view()),
        path("orders/<uuid:order_id>/timeline", orders.OrderTimeline.as_view()),
        path("orders/<uuid:order_id>/cancel", orders.OrderCancel.as_view()),
        path("orders/<uuid:order_id>/returns", orders.OrderReturns.as_view()),
        path("orders/<uuid:order_id>/documents/invoice", documents.OrderInvoice.as_view()),
        path("orders/<uuid:order_id>/documents/customs-invoice", documents.OrderCustomsInvoice.as_view()),
        path("staff/coupons", coupons.StaffCouponList.as_view()),
        path("staff/coupons/<str:code>", coupons.StaffCouponDetail.as_view()),
        path("staff/orders", staff.StaffOrderList.as_view()),
        path("staff/orders/<uuid:order_id>", staff.StaffOrderDetail.as_view()),
        path("staff/orders/<uuid:order_id>/timeline", staff.StaffOrderTimeline.as_view()),
        path("staff/orders/<uuid:order_id>/cancel", staff.StaffOrderCancel.as_view()),
        path("staff/orders/<uuid:order_id>/holds/<slug:reason>", staff.StaffHold.as_view()),
        path("staff/orders/<uuid:order_id>/shipments", staff.StaffShipments.as_view()),
        path("staff/orders/<uuid:order_id>/line-cancellations", staff_returns.StaffLineCancellations.as_view()),
        path("staff/orders/<uuid:order_id>/refunds", staff_returns.StaffRefunds.as_view()),
        path("staff/returns", staff_returns.StaffReturnList.as_view()),
        path("staff/returns/<uuid:return_id>/approve", staff_returns.StaffReturnApproval.as_view()),
        path("staff/returns/<uuid:return_id>/reject", staff_returns.StaffReturnRejection.as_view()),
        path("staff/returns/<uuid:return_id>/receive", staff_returns.StaffReturnReceipt.as_view()),
        path("staff/shipments/<uuid:shipment_id>/delivery", staff.StaffDelivery.as_view()),
    ]
)
