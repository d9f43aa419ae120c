"""Routes of the catalog service."""

from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401
from django.urls import path

from catalog import metrics
from catalog.api import products, staff_products, staff_stock

metrics.register()
urlpatterns = service_urls(
    [
        path("products", products.ProductList.as_view()),
        path("products/<str:name>", products.ProductDetail.as_view()),
        path("categories", products.CategoryTree.as_view()),
        path("markets", products.Markets.as_view()),
        path("staff/products", staff_products.StaffProductList.as_view()),
        path("staff/products/<uuid:product_id>", staff_products.StaffProductDetail.as_view()),
        path("staff/products/<uuid:product_id>/variants", staff_products.StaffVariantList.as_view()),
        path("staff/products/<uuid:product_id>/media", staff_products.StaffMedia.as_view()),
        path("staff/variants/<str:sku>", staff_products.StaffVariantDetail.as_view()),
        path("staff/variants/<str:sku>/prices/<str:currency>", staff_products.StaffPrice.as_view()),
        path("staff/stock", staff_stock.StaffStockList.as_view()),
        path("staff/stock/adjustments", staff_stock.StaffAdjustments.as_view()),
        path("staff/imports", staff_stock.StaffImports.as_view()),
    ]
)
